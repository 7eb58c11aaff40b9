"""Bytes or pixels to the square that the network sees, with photographs turned upright first."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from alexprep import jpeg
from alexprep.decode import decode
from alexprep.errors import ImageError
from alexprep.settings import PrepSettings
from alexprep.transform import square_array

_ORIENTATION = 0x0112
# EXIF orientation -> (mirror left and right, then quarter turns against the clock)
_TURNS = {2: (True, 0), 3: (False, 2), 4: (True, 2), 5: (True, 1), 6: (False, 3), 7: (True, 3)}
_TURNS[8] = (False, 1)


def upright_square(
    data: bytes, settings: PrepSettings, *, exif: bool = True
) -> tuple[NDArray[np.uint8], bool]:
    """Turn one file into what the network sees before its crop.

    The path is that of the shards (alexprep.transform); a JPEG whose EXIF says that the camera was
    held otherwise is turned before it. Shards themselves keep pictures as they are stored.

    Args:
        data: The bytes of an image file.
        settings: Of the shards that the network was trained on.
        exif: Whether EXIF orientation is honoured.

    Returns:
        uint8 [S, S, 3], RGB levels, and whether the picture was turned.

    Raises:
        ImageError: no picture in it; the text is the reason alone.
    """
    turn = _TURNS.get(orientation(data)) if exif else None
    if turn is None:
        return square_array(data, settings), False
    pixels = decode(data, settings.max_pixels).pixels
    levels = pixels if isinstance(pixels, np.ndarray) else np.asarray(pixels.convert("RGB"))
    mirrored, quarters = turn
    turned = np.rot90(levels[:, ::-1] if mirrored else levels, quarters)
    return square_array(as_file(turned), settings), True


def as_file(levels: NDArray[np.uint8]) -> bytes:
    """Return pixels uint8 [h, w, 3] as a file that the path of all pictures takes: PPM.

    Raises:
        ImageError: another shape or dtype.
    """
    if levels.dtype != np.uint8 or levels.ndim != 3 or levels.shape[2] != 3:
        raise ImageError(
            f"an array {levels.dtype} {list(levels.shape)}; give uint8 [height, width, 3], RGB"
        )
    height, width, _ = levels.shape
    return b"P6 %d %d 255\n" % (width, height) + np.ascontiguousarray(levels).tobytes()


def orientation(data: bytes) -> int:
    """Return the EXIF orientation of a JPEG, 1 to 8; 1 where it says none."""
    if not data.startswith(jpeg.START):
        return 1
    exif = jpeg.find_exif(data) or b""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (place,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, place)
        for entry in range(count):
            tag, kind, values, value = struct.unpack_from(
                f"{order}HHIH", exif, place + 2 + 12 * entry
            )
            if (tag, kind, values) == (_ORIENTATION, 3, 1):
                return int(value) if value in _TURNS else 1
    except struct.error:  # EXIF that points outside itself says nothing
        return 1
    return 1
