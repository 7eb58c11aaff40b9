"""A zip file of class folders, train/<class>/*, val/<class>/*, or Kaggle's own: read in place."""

from __future__ import annotations

from pathlib import Path

from alexprep.raw.containers import Zip
from alexprep.raw.kagglezip import KaggleMembers
from alexprep.raw.layout import Layout, Place
from alexprep.raw.members import Members
from alexprep.raw.onefile import archives, open_one
from alexprep.raw.source import RawSet, clean_path, some
from alexprep.raw.zipwalk import walk_zip

NAME = "zip"
SUFFIX = ".zip"


def open_zip(place: Place) -> RawSet:
    """List a zip file of class folders; one folder around it all may be there.

    Where a folder is given, it holds one archive, and names of the classes beside it are used.

    Raises:
        RawError: no zip file, cut short, damaged, encrypted, or without train/<class>/<image>.
    """
    return open_one(place, SUFFIX, list_zip)


LAYOUT = Layout(
    NAME,
    "a .zip of train/<class>/<image> and val/<class>/<image>, Kaggle's own, or a folder with one",
    lambda place: place.path.suffix == SUFFIX or len(archives(place, SUFFIX)) == 1,
    open_zip,
)


def list_zip(path: Path | str) -> RawSet:
    """List a zip file of class folders, or Kaggle's download, by its path or its URL.

    Raises:
        RawError: as for `open_zip`.
    """
    container = Zip(str(path))
    members, kaggle = Members(container), KaggleMembers(path, container)
    for name, offset, size in walk_zip(str(path)):
        parts = clean_path(name)
        if not kaggle.take(parts, offset, size):
            members.add(parts, offset, size)
    if not kaggle.found:
        return members.raw_set(NAME, path)
    raw = kaggle.raw_set()
    if beside := members.names():
        raw.found.append(f"not read: {some(beside)}")
    return raw
