"""Sources read in order, those behind URLs several at once: a request is mostly waiting."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from alexprep.raw.place import MARK
from alexprep.raw.source import Source, read_source

AT_ONCE = 16  # requests of one worker


class _Sample(Protocol):
    @property
    def source(self) -> Source: ...


class Reader:
    """Reads the sources of samples in their order; to be closed."""

    def __init__(self, samples: Sequence[_Sample]) -> None:
        self._samples = samples
        remote = len(samples) > 0 and MARK in samples[0].source.path
        self._pool = ThreadPoolExecutor(AT_ONCE) if remote else None
        self._asked: dict[int, Future[bytes]] = {}
        self._next = 0

    def read(self, position: int) -> bytes:
        """Return the bytes of the sample's source; positions may be left out.

        Raises:
            ImageError: this one file cannot be read.
            RawError: the raw set changed, or the server fails.
        """
        if self._pool is None:
            return read_source(self._samples[position].source)
        end = min(position + AT_ONCE, len(self._samples))
        for place in range(max(self._next, position), end):
            self._asked[place] = self._pool.submit(read_source, self._samples[place].source)
        self._next = max(self._next, end)
        return self._asked.pop(position).result()

    def close(self) -> None:
        """Ask for nothing more."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
