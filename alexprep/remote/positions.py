"""Files behind URLs as they are read from place to place."""

from __future__ import annotations

import io
from typing import Any

from alexprep.remote import transfer
from alexprep.remote.urls import check_url

_AHEAD = 1 << 20  # bytes fetched at once while an archive's headers are walked


class Seekable(io.RawIOBase):
    """A file behind a URL for those who want a Python file: it is read by ranges."""

    def __init__(self, url: str) -> None:
        self._url, self._position = url, 0
        self._size = transfer.size_of(url)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the position on."""
        count = max(0, min(len(buffer), self._size - self._position))
        data = transfer.read_range(self._url, self._position, count)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


class Ahead:
    """A file whose headers are walked: what follows a read position is fetched with it."""

    def __init__(self, url: str) -> None:
        self._url = check_url(url)
        self.size = transfer.size_of(url)
        self._start, self._data = 0, b""

    def read(self, count: int, position: int) -> bytes:
        """Return `count` bytes from `position` on; fewer only at the end of the file."""
        count = max(0, min(count, self.size - position))
        at = position - self._start
        if not 0 <= at <= len(self._data) - count:
            length = min(max(count, _AHEAD), self.size - position)
            self._start, self._data, at = (
                position,
                transfer.read_range(self._url, position, length),
                0,
            )
        return self._data[at : at + count]
