"""Class folders: RAW/train/<class>/*, RAW/val/<class>/*."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import RawError
from alexprep.raw.source import (
    SPLITS,
    WHOLE_FILE,
    RawSet,
    Source,
    describe,
    ignored,
    not_read,
    shown,
    sort_sources,
)

LAYOUT = "folders"


def open_folders(root: Path) -> RawSet:
    """List class folders. Links to files and folders are followed, folders in a class too.

    Every file in a class is listed but what systems leave behind (see `ignored`), whatever its
    extension. Files beside the class folders are counted in `found`, not listed.

    Raises:
        RawError: no split holds a class folder with a file in it, a folder cannot be read, or an
            entry is neither file nor folder (a link to nothing, say).
    """
    listings = {split: _list_split(root, split) for split in SPLITS if (root / split).is_dir()}
    splits = {split: sort_sources(listed.sources) for split, listed in listings.items()}
    found = []
    for split, listed in listings.items():
        found.append(describe(split, listed.sources))
        found += [not_read(split, listed.loose)] if listed.loose else []
    if not any(splits.values()):
        raise RawError(
            f"{root}: no class folder with a file in it ({'; '.join(found)}); "
            "expected train/<class>/<image>, and val/<class>/<image> if there are such"
        )
    return RawSet(
        LAYOUT,
        root,
        {split: sources for split, sources in splits.items() if sources},
        found=found,
        empty=tuple(sorted(name for listed in listings.values() for name in listed.empty)),
    )


class _Listed(NamedTuple):
    sources: list[Source]
    loose: list[str]  # files beside the class folders
    empty: list[str]  # class folders without a file: "train/n01440764"


def _list_split(root: Path, split: str) -> _Listed:
    listed = _Listed([], [], [])
    for entry in _entries(root / split):
        if _size(entry) is not None:
            listed.loose.append(entry.name)
            continue
        name = f"{split}/{entry.name}"
        sources = list(_files(entry.path, name, entry.name, str(root), frozenset()))
        listed.sources.extend(sources)
        if not sources:
            listed.empty.append(name)
    return listed


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not ignored(entry.name)]
    except OSError as error:
        raise RawError(f"{shown(str(folder))}: cannot be read ({error.strerror})") from error


def _size(entry: os.DirEntry[str]) -> int | None:
    """Return the bytes of a file, or None for a folder."""
    try:
        if entry.is_dir():
            return None
        if entry.is_file():
            return entry.stat().st_size
    except OSError as error:
        raise RawError(f"{shown(entry.path)}: cannot be read ({error.strerror})") from error
    raise RawError(
        f"{shown(entry.path)}: neither a file nor a folder (a link to nothing, or a device); "
        "remove it, or restore what it points to"
    )


def _files(
    path: str, name: str, class_name: str, root: str, above: frozenset[tuple[int, int]]
) -> Iterator[Source]:
    """Yield all files below a folder; `above` are the device and inode of those around it."""
    entries = _entries(path)
    status = Path(path).stat()
    inside = above | {(status.st_dev, status.st_ino)}
    if inside == above:
        raise RawError(f"{shown(path)}: a link to a folder around it; remove the link")
    for entry in entries:
        size = _size(entry)
        below = f"{name}/{entry.name}"
        if size is None:
            yield from _files(entry.path, below, class_name, root, inside)
        else:
            yield Source(class_name, below, size, root, WHOLE_FILE)
