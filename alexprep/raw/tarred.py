"""A plain tar of class folders: train/<class>/*, val/<class>/*, read in place."""

from __future__ import annotations

from pathlib import Path

from alexprep.raw.containers import Archive
from alexprep.raw.layout import Layout, Place
from alexprep.raw.members import Members
from alexprep.raw.onefile import archives, open_one
from alexprep.raw.source import RawSet, clean_path
from alexprep.raw.tarwalk import walk

NAME = "tar"
SUFFIX = ".tar"


def open_tar(place: Place) -> RawSet:
    """List a tar of class folders; a leading "./" or one folder around it all may be there.

    Where a folder is given, it holds one archive, and names of the classes beside it are used.

    Raises:
        RawError: no tar archive, cut short, or without train/<class>/<image>.
    """
    return open_one(place, SUFFIX, list_tar)


LAYOUT = Layout(
    NAME,
    "a .tar of train/<class>/<image> and val/<class>/<image>, or a folder with one such",
    lambda place: place.path.is_file() or len(archives(place, SUFFIX)) == 1,
    open_tar,
)


def list_tar(path: Path | str) -> RawSet:
    """List a tar of class folders, by its path or its URL.

    Raises:
        RawError: as for `open_tar`.
    """
    members = Members(Archive(str(path)))
    for name, offset, size in walk(path):
        members.add(clean_path(name), offset, size)
    return members.raw_set(NAME, path)
