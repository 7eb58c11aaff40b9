"""List the class folders in the folder of one split."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import RawError
from alexprep.raw.containers import Folder, Unreadable
from alexprep.raw.source import Source, ignored, is_folder, shown


class Listed(NamedTuple):
    """What lies in the folder of a split."""

    sources: list[Source]
    loose: list[str]  # files beside the class folders
    empty: list[str]  # class folders without a file: "train/n01440764"


def list_split(folder: Path, split: str, passed_over: Collection[str] = ()) -> Listed:
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
        if entry.name in passed_over:
            continue
        if not is_folder(entry):
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
