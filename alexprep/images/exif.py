"""Whether EXIF is sound, and the orientation in it: nothing else of it is ever used."""

from __future__ import annotations

import struct

from alexprep.images.picture import UPRIGHT

_ORIENTATION, _SHORT = 0x0112, 3
_SUB_DIRECTORIES = frozenset({0x8769, 0x8825, 0xA005})  # Exif, GPS, Interoperability
# bytes of one value by TIFF type, 0 to 12; others are unknown and not judged
_WIDTHS = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8)
_MOST_DIRECTORIES = 16  # a sound one has five; a loop has no end


def is_corrupt(exif: bytes) -> bool:
    """Tell whether EXIF points outside itself, as it does where a file was cut or badly edited.

    Args:
        exif: The TIFF structure, without the leading "Exif" and two zeros.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return True
    offsets = [struct.unpack_from(f"{order}I", exif, 4)[0]]
    for _ in range(_MOST_DIRECTORIES):
        if not offsets:
            return False
        found = _follow(exif, order, offsets.pop())
        if found is None:
            return True
        offsets += found
    return True


def orientation(exif: bytes) -> int:
    """Return the orientation, 1 (upright) to 8; 1 where there is none that can be read.

    Args:
        exif: The TIFF structure, without the leading "Exif" and two zeros.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return UPRIGHT
    start = struct.unpack_from(f"{order}I", exif, 4)[0]
    if start + 2 > len(exif):
        return UPRIGHT
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    end = min(start + 2 + 12 * count, start + 2 + (len(exif) - start - 2) // 12 * 12)
    for tag, kind, values, number in struct.iter_unpack(f"{order}HHIH2x", exif[start + 2 : end]):
        if (tag, kind, values) == (_ORIENTATION, _SHORT, 1) and 1 <= number <= 8:
            return int(number)
    return UPRIGHT


def _follow(exif: bytes, order: str, offset: int) -> list[int] | None:
    """Return where a directory's sub-directories lie, or None where it leaves the EXIF."""
    if offset + 2 > len(exif):
        return None
    (count,) = struct.unpack_from(f"{order}H", exif, offset)
    end = offset + 2 + 12 * count
    if end > len(exif):
        return None
    found = []
    for tag, kind, values, place in struct.iter_unpack(f"{order}HHII", exif[offset + 2 : end]):
        size = _WIDTHS[kind] * values if kind < len(_WIDTHS) else 0
        if size > 4 and place + size > len(exif):
            return None
        if tag in _SUB_DIRECTORIES:
            found.append(place)
    return found
