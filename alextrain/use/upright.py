"""Bytes or pixels to the square that the network sees, with photographs turned upright first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import ImageError
from alexprep.images.orientation import TURNED
from alexprep.images.transform import square
from alexprep.settings import PrepSettings


def upright_square(
    data: bytes, settings: PrepSettings, *, exif: bool = True
) -> tuple[NDArray[np.uint8], bool]:
    """Turn one file into what the network sees before its crop, on the path of the shards.

    Args:
        data: The bytes of an image file.
        settings: Of the shards that the network was trained on.
        exif: Whether a picture is turned upright as its EXIF says. Shards keep pictures as they
            are stored, unless they were made with --exif-transpose.

    Returns:
        uint8 [S, S, 3], RGB levels, and whether the picture was turned.

    Raises:
        ImageError: no picture in it; the text is the reason alone.
    """
    picture, notes = square(data, replace(settings, exif_transpose=exif))
    return np.asarray(picture), TURNED in notes


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
