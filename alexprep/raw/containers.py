"""Where the bytes of sources lie: files of their own, members of an archive, nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from alexprep.errors import ImageError
from alexprep.raw.place import read_at, titled
from alexprep.raw.source import UNKNOWN_SIZE, Source
from alexprep.raw.zipmember import read_member
from alexprep.remote import transfer, urls


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
        return titled(self.file)


@dataclass(frozen=True)
class Zip:
    """Members of a zip file; the source's place is the offset of the member's own header."""

    file: str

    def read(self, source: Source) -> bytes:
        """Read the bytes in place, inflate them, and check their CRC-32."""
        return read_member(self.file, source.place, source.size)

    def where(self, _source: Source) -> str:
        """Return the zip file."""
        return titled(self.file)


@dataclass(frozen=True)
class UrlFolder:
    """Files of their own below a URL; `name` without its first part where `cut` is 1."""

    url: str
    cut: int = 0

    def read(self, source: Source) -> bytes:
        """Fetch the whole file."""
        url = self._url(source)
        if source.size == UNKNOWN_SIZE:
            return transfer.read_whole(url)
        return transfer.read_range(url, 0, source.size)

    def where(self, source: Source) -> str:
        """Return the URL of the file, as it may be printed."""
        return titled(self._url(source))

    def _url(self, source: Source) -> str:
        return urls.below(self.url, source.name.split("/", self.cut)[-1])


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
