"""A file that is read at positions: on the disk, or behind a URL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from alexprep.remote import positions, transfer, urls

MARK = "://"  # never part of a Path's text, which holds no empty part


def titled(place: str | Path) -> str:
    """Return a path or a URL as it may be printed: a URL without what may be secret in it."""
    text = str(place)
    return urls.shown_url(text) if MARK in text else text


class Opened(Protocol):
    """A file open for reading at positions."""

    @property
    def size(self) -> int:
        """Bytes of the file."""

    def read(self, count: int, position: int) -> bytes:
        """Return `count` bytes from `position` on; fewer only at the end of the file."""


class _File:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def read(self, count: int, position: int) -> bytes:
        return read_fully(self._descriptor, count, position)


@contextmanager
def open_place(place: str | Path) -> Iterator[Opened]:
    """Open a file for reading at positions.

    Args:
        place: A path, or a URL, of which runs of a megabyte are fetched.

    Raises:
        OSError: a path that cannot be opened.
        RawError: a URL that cannot be opened.
    """
    text = str(place)
    if MARK in text:
        yield positions.Ahead(text)
        return
    descriptor = os.open(text, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield _File(descriptor)
    finally:
        os.close(descriptor)


def read_at(place: str, count: int, position: int) -> bytes:
    """Return `count` bytes of a file from `position` on; fewer only at the end of the file.

    Raises:
        OSError: a path that cannot be read.
        RawError: a URL that cannot be read.
    """
    if MARK in place:
        return transfer.read_range(place, position, count)
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_fully(descriptor, count, position)
    finally:
        os.close(descriptor)


def read_fully(descriptor: int, count: int, position: int) -> bytes:
    """Return `count` bytes by pread, which may give less at a time; fewer at the end alone."""
    data = os.pread(descriptor, count, position)
    while len(data) < count and (
        more := os.pread(descriptor, count - len(data), position + len(data))
    ):
        data += more
    return data
