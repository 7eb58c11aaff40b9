"""What a person names to be looked at: files, folders, patterns, archives, URLs, standard input."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import ImageError, RawError
from alexprep.images.decode_other import SUFFIXES
from alexprep.raw.source import shown
from alexprep.raw.tarwalk import walk
from alextrain.use.urls import MAX_BYTES, read_url, scheme

STDIN = "-"
# In folders and archives, where other files lie too; a file that is named itself is always tried.
SHOWN = frozenset({".jpg", ".jpeg", ".jpe", *(s for names in SUFFIXES.values() for s in names)})


class Picture(NamedTuple):
    """One picture that was asked for."""

    name: str  # as the user would say it
    read: Callable[[], bytes]  # raises ImageError; its text is the reason alone


def find_pictures(arguments: Iterable[str]) -> list[Picture]:
    """List all pictures that were named, in the order of the arguments.

    Args:
        arguments: Paths of files, folders (all below them, sorted) or tar archives; patterns such
            as "photos/**/*.jpg"; URLs; "-" for standard input. What is not there becomes a picture
            that cannot be read, so that the rest goes on.
    """
    return [picture for argument in arguments for picture in _find(argument)]


def _find(argument: str) -> Iterator[Picture]:
    path = Path(argument)
    if argument == STDIN:
        yield Picture("standard input", _read_stdin)
    elif path.is_dir():
        yield from _in_folder(path)
    elif path.is_file():
        yield from _in_tar(path) if path.suffix == ".tar" else [_file(path)]
    elif scheme(argument) is not None:
        yield Picture(argument, partial(read_url, argument))
    elif glob.has_magic(argument):
        found = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207  # may be absolute
        for name in found:
            yield from _find(name)
        if not found:
            yield _broken(argument, "no file fits this pattern")
    else:
        yield _file(path)


def _file(path: Path) -> Picture:
    return Picture(shown(str(path)), partial(_read_file, path))


def _in_folder(folder: Path) -> Iterator[Picture]:
    found = False
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if is_shown(name):
                found = True
                yield _file(Path(parent) / name)
    if not found:
        yield _broken(str(folder), "a folder without pictures (.jpg, .png and so on)")


def _in_tar(path: Path) -> Iterator[Picture]:
    found = False
    try:
        for name, offset, size in walk(path):
            if is_shown(name):
                found = True
                yield Picture(shown(f"{path}/{name}"), partial(_read_member, path, offset, size))
    except RawError as error:
        yield _broken(str(path), str(error).removeprefix(f"{path}: "))
        return
    if not found:
        yield _broken(str(path), "an archive without pictures (.jpg, .png and so on)")


def is_shown(name: str) -> bool:
    """Tell whether a file in a folder or an archive is taken for a picture, by its name."""
    base = name.rpartition("/")[2]
    return not base.startswith(".") and os.path.splitext(base)[1].lower() in SHOWN  # noqa: PTH122


def _broken(name: str, reason: str) -> Picture:
    def read() -> bytes:
        raise ImageError(reason)

    return Picture(shown(name), read)


def _read_file(path: Path) -> bytes:
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ImageError(f"{size:,} bytes, more than any picture has")
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror})") from error


def _read_member(path: Path, offset: int, size: int) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), min(size, MAX_BYTES), offset)
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror})") from error


def _read_stdin() -> bytes:
    return sys.stdin.buffer.read(MAX_BYTES)
