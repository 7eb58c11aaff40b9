"""What a layout is: a name, how it is recognised, how it is listed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import RawError
from alexprep.raw.source import RawSet, ignored, is_folder, some


@dataclass(frozen=True)
class Place:
    """RAW as it was given, with the names at its top: all that detection looks at first."""

    path: Path
    folders: tuple[str, ...] = ()  # sorted, without what systems leave behind; () for a file
    files: tuple[str, ...] = ()
    argument: str = ""  # what follows the colon in --layout NAME:ARGUMENT
    root: Path | None = None  # --root: where the paths in a list begin

    @classmethod
    def at(cls, path: Path, argument: str = "", root: Path | None = None) -> Place:
        """Look at a file or a folder.

        Raises:
            RawError: the folder cannot be read.
        """
        place = cls(path, argument=argument, root=root)
        if not path.is_dir():
            return place
        folders: list[str] = []
        files: list[str] = []
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if not ignored(entry.name):
                        (folders if is_folder(entry) else files).append(entry.name)
        except OSError as error:
            raise RawError(f"{path}: cannot be read ({error.strerror})") from error
        return replace(place, folders=tuple(sorted(folders)), files=tuple(sorted(files)))

    def beside(self, *read: str) -> list[str]:
        """Return a line for `found` on the names at the top that are not read, if there are."""
        left = [name for name in (*self.folders, *self.files) if name not in read]
        return [f"not read: {some(left)}"] if left else []


class Layout(NamedTuple):
    """One way in which people keep raw images."""

    name: str  # for --layout and the manifest
    what: str  # what RAW is then, in one line for people
    recognises: Callable[[Place], bool]  # cheap; where it is True, no other layout is meant
    open: Callable[[Place], RawSet]  # RawError where RAW is no such set, or is damaged
