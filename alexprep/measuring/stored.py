"""Decode a stored image: what statistics, figures and comparisons see of a shard."""

from __future__ import annotations

import io

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from alexprep.errors import ImageError


def decode_stored(data: bytes, extension: str, buffer: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Decode one stored image with the decoder that training uses.

    Args:
        data: The encoded image.
        extension: "jpg" or "png".
        buffer: uint8 [S, S, 4], contiguous; used again and again.

    Returns:
        uint8 RGBX [S, S, 4] (levels 0..255, X is 255), in `buffer` where that is possible.

    Raises:
        ImageError: it does not decode, or has another size; the text is the reason alone.
    """
    try:
        image = _pixels(data, extension, buffer)
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"does not decode ({error})") from error
    if image.shape != buffer.shape:
        found, wanted = ("x".join(map(str, array.shape[1::-1])) for array in (image, buffer))
        raise ImageError(f"is {found}, not {wanted}")
    return image


def _pixels(data: bytes, extension: str, buffer: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if extension == "jpg":
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGBA", buffer=buffer)
        return pixels
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        if image.size != buffer.shape[1::-1]:  # nothing of a huge one is decoded
            return np.empty((image.height, image.width, 0), np.uint8)
        # Pillow keeps RGB in four bytes itself; alpha, which ours never have, is left out.
        return np.asarray(image.convert("RGB").convert("RGBX"))
