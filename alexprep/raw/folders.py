"""Class folders: RAW/train/<class>/*, RAW/val/<class>/*, and RAW/test/<class>/*."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import RawError
from alexprep.raw.containers import Folder, Unreadable
from alexprep.raw.layout import Layout, Place
from alexprep.raw.names import FILES, with_names
from alexprep.raw.source import (
    SPLITS,
    RawSet,
    Source,
    describe,
    ignored,
    not_read,
    shown,
    sort_sources,
    split_of,
)

NAME = "imagefolder"


def open_folders(place: Place) -> RawSet:
    """List class folders. Links to files and folders are followed, folders in a class too.

    Every file in a class is listed but what systems leave behind (see `ignored`), whatever its
    extension. Files beside the class folders are counted in `found`, not listed.

    Raises:
        RawError: no split holds a class folder with a file in it, a split's folder cannot be
            read, or two folders are the same split.
    """
    folders = split_folders(place)
    listings = {split: list_split(place.path / folder, split) for split, folder in folders.items()}
    splits = {split: sort_sources(listed.sources) for split, listed in listings.items()}
    found = []
    for split, listed in listings.items():
        found.append(describe(split, listed.sources))
        found += [not_read(split, listed.loose)] if listed.loose else []
    if not any(splits.values()):
        raise RawError(
            f"{place.path}: no class folder with a file in it ({'; '.join(found) or 'no split'}); "
            "expected train/<class>/<image>, and val/<class>/<image> if there are such"
        )
    raw = RawSet(
        NAME,
        place.path,
        {split: sources for split, sources in splits.items() if sources},
        found=found + place.beside(*folders.values(), *FILES),
        empty=tuple(sorted(name for listed in listings.values() for name in listed.empty)),
    )
    return with_names(raw, [place.path])


LAYOUT = Layout(
    NAME,
    "a folder with train/<class>/<image> and val/<class>/<image>",
    lambda place: any(map(split_of, place.folders)),
    open_folders,
)


def split_folders(place: Place) -> dict[str, str]:
    """Return the folder of each split, in the order of SPLITS.

    Raises:
        RawError: two folders are the same split.
    """
    found: dict[str, str] = {}
    for split in SPLITS:
        names = [name for name in place.folders if split_of(name) == split]
        if len(names) > 1:
            raise RawError(
                f"{place.path}: {' and '.join(names)} are one split, {split}; rename one of them"
            )
        if names:
            found[split] = names[0]
    return found


class Listed(NamedTuple):
    """What lies in the folder of a split."""

    sources: list[Source]
    loose: list[str]  # files beside the class folders
    empty: list[str]  # class folders without a file: "train/n01440764"


def list_split(folder: Path, split: str) -> Listed:
    """List the class folders in `folder`, in the system's order.

    Raises:
        RawError: the folder cannot be read.
    """
    listed = Listed([], [], [])
    container = Folder(str(folder), cut=1)
    try:
        entries = _entries(folder)
    except OSError as error:
        raise RawError(f"{shown(str(folder))}: cannot be read ({error.strerror})") from error
    for entry in entries:
        if not entry.is_dir():
            listed.loose.append(entry.name)
            continue
        name = f"{split}/{entry.name}"
        sources = list(_Class(entry.name, container).files(entry.path, name, frozenset()))
        listed.sources.extend(sources)
        if not sources:
            listed.empty.append(name)
    return listed


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not ignored(entry.name)]


class _Class(NamedTuple):
    """One class folder while it is listed."""

    class_name: str
    container: Folder

    def files(self, path: str, name: str, above: frozenset[tuple[int, int]]) -> Iterator[Source]:
        """Yield all files below a folder; `above` are the device and inode of those around it."""
        try:
            entries = _entries(path)
            status = Path(path).stat()
        except OSError as error:
            yield self._bad(f"{name}/.", path, f"folder cannot be read: {error.strerror}")
            return
        inside = above | {(status.st_dev, status.st_ino)}
        if inside == above:
            yield self._bad(f"{name}/.", path, "a link to a folder around it")
            return
        for entry in entries:
            below = f"{name}/{entry.name}"
            try:
                if entry.is_file():
                    size = entry.stat().st_size
                    yield Source(self.class_name, below, size, self.container)
                elif entry.is_dir():
                    yield from self.files(entry.path, below, inside)
                else:
                    yield self._bad(below, entry.path, _strange(entry))
            except OSError as error:
                yield self._bad(below, entry.path, f"cannot be read: {error.strerror}")

    def _bad(self, name: str, path: str, reason: str) -> Source:
        return Source(self.class_name, name, 0, Unreadable(path, reason))


def _strange(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink() and not Path(entry.path).exists():
        return "a link to nothing"
    return "neither a file nor a folder"
