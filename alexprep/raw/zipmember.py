"""One member of a zip file, by the place of its own header: stored or deflated, CRC-32 checked."""

from __future__ import annotations

import struct
import zlib

from alexprep.errors import ImageError, RawError
from alexprep.raw.place import read_at, titled

LOCAL = struct.Struct("<4s5H3L2H")
SIGNATURE = b"PK\3\4"
STORED, DEFLATED = 0, 8
_DESCRIPTOR = b"PK\7\x08"
_LATER = 8  # flag: the CRC-32 stands behind the data
_NAMES = 320  # bytes of name and extra fields that are fetched with the header
_CHUNK = 1 << 16


def read_member(place: str, offset: int, size: int) -> bytes:
    """Return the content of a member.

    Args:
        place: Path or URL of the zip file.
        offset: Of the member's local header.
        size: Bytes of its content, as the central directory says: no more is unpacked.

    Raises:
        ImageError: the content is damaged; the text is the reason alone.
        RawError: there is no member here (any more), or the place cannot be read.
        OSError: a path that cannot be read.
    """
    block = read_at(place, LOCAL.size + _NAMES + size + size // 1000 + 64, offset)
    if len(block) < LOCAL.size or not block.startswith(SIGNATURE):
        raise RawError(
            f"{titled(place)}: no member of a zip file at byte {offset:,}, where its directory "
            "says; it is damaged, or was changed meanwhile: run the command again, and if that "
            "fails too, download or copy it again"
        )
    _, _, flags, method, _, _, crc, _, _, name, extra = LOCAL.unpack_from(block)
    start = LOCAL.size + name + extra
    if method == DEFLATED:
        data, behind = _inflate(place, offset, block, start, size)
    else:
        data, behind = block[start : start + size], start + size
        if len(data) < size:  # names longer than was fetched
            data += read_at(place, size - len(data), offset + start + len(data))
    if len(data) != size:
        raise ImageError(f"damaged in its archive: {len(data):,} bytes of {size:,}")
    if flags & _LATER:
        crc = _crc_behind(read_at(place, 8, offset + behind))
    if zlib.crc32(data) != crc:
        raise ImageError("damaged in its archive: its CRC-32 is another one")
    return data


def _inflate(place: str, offset: int, block: bytes, start: int, size: int) -> tuple[bytes, int]:
    """Return the content and where, from `offset` on, its compressed form ends."""
    unpacker = zlib.decompressobj(wbits=-15)
    packed, position = block[start:], max(start, len(block))
    if not packed:
        packed = read_at(place, _CHUNK, offset + start)
        position = start + len(packed)
    parts: list[bytes] = []
    left = size + 1  # one byte more than listed shows that there is more
    try:
        while packed and left > 0 and not unpacker.eof:
            parts.append(unpacker.decompress(packed, left))
            left -= len(parts[-1])
            packed = unpacker.unconsumed_tail
            if not packed and not unpacker.eof:
                packed = read_at(place, _CHUNK, offset + position)
                position += len(packed)
    except zlib.error as error:
        raise ImageError("damaged in its archive: cannot be inflated") from error
    data = b"".join(parts)
    if len(data) > size:
        raise ImageError(f"more than the {size:,} bytes that its archive says")
    return data, position - len(unpacker.unused_data)


def _crc_behind(descriptor: bytes) -> int:
    """Return the CRC-32 that follows the data, after a signature or without one."""
    start = 4 if descriptor.startswith(_DESCRIPTOR) else 0
    return int.from_bytes(descriptor[start : start + 4], "little")
