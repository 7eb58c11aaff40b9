"""List a zip file by its central directory alone, so that members are read in place.

`zipfile` does this too, keeping an object of half a kilobyte for each of ImageNet's 1.28 million
members. Format: PKWARE's APPNOTE 6.3.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from typing import NamedTuple

from alexprep.errors import RawError
from alexprep.raw.place import Opened, open_place, titled
from alexprep.raw.source import shown
from alexprep.raw.zipmember import DEFLATED, LOCAL, STORED

_END = struct.Struct("<4s4H2LH")
_END64_PLACE = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_END_SIGNATURE, _END64_SIGNATURE, _ENTRY_SIGNATURE = b"PK\5\6", b"PK\6\6", b"PK\1\2"
_END64_PLACE_SIGNATURE = b"PK\6\7"
_MAX_COMMENT = 0xFFFF
_LONG = 0xFFFFFFFF  # the true number stands in the zip64 field
_ENCRYPTED = 1
_BEST_RATIO = 1032  # no deflated data is a smaller part of its content (zlib's technical notes)


class _Directory(NamedTuple):
    entries: int
    size: int
    offset: int  # in the file
    shift: int  # bytes before the archive: of a program that unpacks it, say


class _Entry(NamedTuple):
    name: str
    size: int
    packed: int
    offset: int
    length: int  # of the entry itself
    flags: int
    method: int
    mode: int  # of Unix, 0 where unknown


def walk_zip(place: str) -> Iterator[tuple[str, int, int]]:
    """Yield name, offset of the local header, and size of each file in a zip file.

    Names are decoded as UTF-8 with surrogateescape. Folders are passed over.

    Args:
        place: Path or URL.

    Raises:
        RawError: no zip file, cut short, damaged, in several parts, with an encrypted member, a
            link, one compressed in another way than deflate, or one that claims to be more than
            its bytes can hold.
    """
    title = titled(place)
    try:
        with open_place(place) as opened:
            directory = _find(title, opened)
            block = opened.read(directory.size, directory.offset)
            total = opened.size
    except OSError as error:
        raise RawError(f"{title}: cannot be opened ({error.strerror})") from error
    position = packed = 0
    for _ in range(directory.entries):
        entry = _entry(title, block, position)
        position += entry.length
        packed += entry.packed + LOCAL.size
        if entry.name.endswith("/"):
            continue
        _check(title, entry)
        yield entry.name, entry.offset + directory.shift, entry.size
    if position != len(block):
        raise _damaged(title, f"its directory holds more than the {directory.entries:,} it counts")
    if packed > total:
        raise _damaged(title, f"its members take {packed:,} bytes where the file has {total:,}")


def _find(title: str, opened: Opened) -> _Directory:
    start = max(0, opened.size - _END.size - _MAX_COMMENT)
    tail = opened.read(opened.size - start, start)
    at = tail.rfind(_END_SIGNATURE)
    if at < 0 or len(tail) - at < _END.size:
        if opened.read(2, 0) == b"PK":
            raise RawError(
                f"{title}: cut short at {opened.size:,} bytes (no central directory at its end); "
                "download or copy it again"
            )
        raise RawError(f"{title}: no zip file (it begins with {opened.read(8, 0)!r})")
    _, disk, _, _, entries, size, offset, _ = _END.unpack_from(tail, at)
    end = start + at
    if 0xFFFF in (disk, entries) or _LONG in (size, offset):
        entries, size, offset, end, disk = _find64(title, opened, end)
    if disk:
        raise RawError(f"{title}: one of several parts; join them with zip -s 0 IN --out OUT")
    shift = end - size - offset
    if shift < 0:
        raise _damaged(title, f"its directory would begin at byte {end - size:,} before its place")
    return _Directory(entries, size, offset + shift, shift)


def _find64(title: str, opened: Opened, end: int) -> tuple[int, int, int, int, int]:
    """Return entries, size, offset, where the directory ends, and the number of the part."""
    block = opened.read(_END64_PLACE.size, end - _END64_PLACE.size) if end >= 20 else b""
    if not block.startswith(_END64_PLACE_SIGNATURE):
        raise _damaged(title, "its zip64 directory is missing")
    _, _, at, _ = _END64_PLACE.unpack(block)
    # Bytes before the archive shift it; then it lies right before its locator.
    for position in (at, end - _END64_PLACE.size - _END64.size):
        block = opened.read(_END64.size, position) if position >= 0 else b""
        if len(block) == _END64.size and block.startswith(_END64_SIGNATURE):
            _, _, _, _, disk, _, _, entries, size, offset = _END64.unpack(block)
            return entries, size, offset, position, disk
    raise _damaged(title, "its zip64 directory is missing")


def _entry(title: str, block: bytes, position: int) -> _Entry:
    if len(block) - position < _ENTRY.size or block[position : position + 4] != _ENTRY_SIGNATURE:
        raise _damaged(title, "its directory ends before its last entry")
    (
        _,
        made,
        _,
        flags,
        method,
        _,
        _,
        _,
        packed,
        size,
        names,
        extras,
        comment,
        _,
        _,
        mode,
        offset,
    ) = _ENTRY.unpack_from(block, position)
    start = position + _ENTRY.size
    name = block[start : start + names].decode("utf-8", "surrogateescape")
    if _LONG in (size, packed, offset):
        extra = block[start + names : start + names + extras]
        size, packed, offset = _long_numbers(title, extra, size, packed, offset)
    length = _ENTRY.size + names + extras + comment
    unix = mode >> 16 if made >> 8 == 3 else 0
    return _Entry(name, size, packed, offset, length, flags, method, unix)


def _long_numbers(
    title: str, extra: bytes, size: int, packed: int, offset: int
) -> tuple[int, int, int]:
    """Return the three numbers, those that did not fit taken from the zip64 field."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == 1:
            field = extra[4 : 4 + length]
            longs = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
            try:
                size, packed, offset = (
                    next(longs) if number == _LONG else number for number in (size, packed, offset)
                )
            except RuntimeError as error:  # too few of them
                raise _damaged(title, "a zip64 field is too short") from error
            return size, packed, offset
        extra = extra[4 + length :]
    raise _damaged(title, "a zip64 field is missing")


def _check(title: str, entry: _Entry) -> None:
    name = shown(entry.name)
    if entry.flags & _ENCRYPTED:
        raise RawError(
            f"{title}: {name} is encrypted; unpack it with its password, or make it anew"
        )
    if entry.mode and stat.S_ISLNK(entry.mode):
        raise RawError(f"{title}: {name} is a link, and only plain files are read; make it anew")
    if entry.method not in (STORED, DEFLATED):
        raise RawError(
            f"{title}: {name} is compressed by method {entry.method}, and only stored and deflated "
            "members are read in place; unpack it and give the folder"
        )
    if entry.size > (entry.packed + 1) * (_BEST_RATIO if entry.method == DEFLATED else 1):
        raise _damaged(
            title, f"{name} claims {entry.size:,} bytes made of {entry.packed:,}, as a bomb would"
        )


def _damaged(title: str, what: str) -> RawError:
    return RawError(f"{title}: damaged ({what}); download or copy it again")
