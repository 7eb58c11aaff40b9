"""Where the bytes of sources lie: files of their own, members of an archive, nowhere."""

from __future__ import annotations

import os
from dataclasses import dataclass

from alexprep.errors import ImageError
from alexprep.raw.source import Source


@dataclass(frozen=True)
class Folder:
    """Files of their own. `name` without its first `cut` parts is the path below `root`.

    With cut=0 the split's folder is called as the split is, with cut=1 it is called otherwise or
    there is none, and with cut=2 the files do not lie in folders of their classes.
    """

    root: str
    cut: int = 0

    def read(self, source: Source) -> bytes:
        """Read the whole file, and one byte more than was listed: that shows one that has grown."""
        return read_at(self.where(source), source.size + 1, 0)

    def where(self, source: Source) -> str:
        """Return the path of the file."""
        return f"{self.root}/{source.name.split('/', self.cut)[-1]}"


@dataclass(frozen=True)
class Archive:
    """Members of an uncompressed archive, read in place; the source's place is its offset."""

    file: str

    def read(self, source: Source) -> bytes:
        """Read the bytes in place."""
        return read_at(self.file, source.size, source.place)

    def where(self, _source: Source) -> str:
        """Return the archive."""
        return self.file


@dataclass(frozen=True)
class Unreadable:
    """What was listed and cannot be read: a link to nothing, a folder that may not be entered."""

    path: str
    reason: str

    def read(self, _source: Source) -> bytes:
        """Raise the reason as an ImageError, so that it follows --on-bad."""
        raise ImageError(self.reason)

    def where(self, _source: Source) -> str:
        """Return the path."""
        return self.path


def read_at(path: str, count: int, start: int) -> bytes:
    """Return `count` bytes of a file from `start` on, or fewer where it ends before."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.pread(descriptor, count, start)
        while len(data) < count and (
            more := os.pread(descriptor, count - len(data), start + len(data))
        ):
            data += more
    finally:
        os.close(descriptor)
    return data
