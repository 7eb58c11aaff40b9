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
from alextrain.use.urls import MAX_BYTES, read_bounded, read_url, scheme

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
        yield _at_once("standard input", _read_stdin)
    elif too_long := _unnameable(path):
        yield _broken(argument, too_long)
    elif path.is_dir():
        yield from _in_folder(path)
    elif path.is_file():
        yield from _in_tar(path) if path.suffix == ".tar" else [_file(path)]
    elif path.exists():  # a pipe, as of `<(curl ...)`
        yield _at_once(shown(argument), partial(_read_file, path))
    elif scheme(argument) is not None:
        yield Picture(shown(argument), partial(read_url, argument))
    elif glob.has_magic(argument):
        yield from _fitting(argument)
    else:
        yield _file(path)


def _at_once(name: str, read: Callable[[], bytes]) -> Picture:
    """Read what one may have to wait for here: Ctrl-C does not reach the threads that decode."""
    try:
        data = read()
    except ImageError as error:
        return _broken(name, str(error))
    return Picture(name, lambda: data)


def _unnameable(path: Path) -> str:
    """Return why the system cannot even look for a path; empty where it can."""
    try:
        path.is_dir()
    except (OSError, ValueError) as error:  # too long, a folder that may not be entered, NUL
        return f"cannot be read ({getattr(error, 'strerror', error)})"
    return ""


def _fitting(pattern: str) -> Iterator[Picture]:
    """Yield what fits a pattern, once: `**` fits a folder and also what lies in it."""
    seen: set[str] = set()
    for name in sorted(matches(pattern)):
        pictures = [picture for picture in _find(name) if picture.name not in seen]
        seen.update(picture.name for picture in pictures)
        yield from pictures
    if not seen:
        yield _broken(pattern, "no file fits this pattern")


def matches(pattern: str) -> set[str]:
    """Return the files and folders that fit a pattern.

    As `glob.glob(recursive=True)`, but `**` passes links to folders by: they may lead round in
    circles, and glob then goes on for hours.
    """
    before, found, after = f"/{pattern}".partition("/**/")
    if not found and before.endswith("/**"):
        before, found = before[:-3], "/**"
    before = before[1:]
    if not found:
        return set(glob.glob(pattern))  # noqa: PTH207  # may be absolute
    top = "/" if pattern.startswith("/") else "."
    fitting: set[str] = set()
    for start in glob.glob(f"{before}/") if before else [top]:  # noqa: PTH207
        for parent, folders, names in os.walk(start):
            folders[:] = [name for name in folders if not name.startswith(".")]
            base = "" if parent == "." else f"{parent.rstrip('/')}/"
            if after:
                fitting |= matches(glob.escape(base) + after)
            else:
                fitting.update(base + name for name in names if not name.startswith("."))
    return {name for name in fitting if not (os.path.islink(name) and os.path.isdir(name))}  # noqa: PTH112, PTH114


def _file(path: Path) -> Picture:
    return Picture(shown(str(path)), partial(_read_file, path))


def _in_folder(folder: Path) -> Iterator[Picture]:
    found = False
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if is_shown(name):
                found, path = True, Path(parent) / name
                if path.exists() and not path.is_file():  # reading could wait for ever
                    yield _broken(str(path), "a pipe, socket or device, no file")
                else:
                    yield _file(path)
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
        with path.open("rb") as file:
            return read_bounded(file)  # /dev/zero has no end
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror})") from error


def _read_member(path: Path, offset: int, size: int) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), min(size, MAX_BYTES), offset)
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror})") from error


def _read_stdin() -> bytes:
    if sys.stdin is None:
        raise ImageError("is closed")
    return read_bounded(sys.stdin.buffer)
