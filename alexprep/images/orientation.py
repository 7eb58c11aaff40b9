"""A picture turned as its EXIF orientation says; only where the settings ask for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alexprep.images.picture import Decoded

TURNED = "converted: turned as EXIF says"
_Pixels = NDArray[np.uint8]
_METHODS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The same for arrays [height, width, 3]: views, nothing is copied.
_VIEWS: dict[int, Callable[[_Pixels], _Pixels]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: pixels[::-1].transpose(1, 0, 2),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: pixels[:, ::-1].transpose(1, 0, 2),
}


def upright(decoded: Decoded) -> Decoded:
    """Return the picture as a viewer shows it, like Pillow's ImageOps.exif_transpose.

    A TIFF comes upright in any case: its orientation is part of the format, and Pillow applies it.
    """
    if decoded.orientation not in _METHODS:
        return decoded
    if isinstance(decoded.pixels, Image.Image):
        pixels: Image.Image | _Pixels = decoded.pixels.transpose(_METHODS[decoded.orientation])
    else:
        pixels = _VIEWS[decoded.orientation](decoded.pixels)
    return Decoded(pixels, (*decoded.notes, TURNED))
