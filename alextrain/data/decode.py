"""Decode a sample of a shard straight into its place in a batch."""

from __future__ import annotations

import io

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from alexprep.errors import ImageError

_JPEG = b"\xff\xd8"


def decode_into(data: bytes, out: NDArray[np.uint8]) -> None:
    """Decode one image.

    JPEG goes through simplejpeg, which lets other threads run meanwhile and has 6 us of overhead
    where PIL has 121; its pixels are PIL's (the same libjpeg-turbo arithmetic). The rest is PNG.

    Args:
        data: The encoded image as it lies in the shard.
        out: Where it goes: uint8 [S, S, 3] RGB, contiguous. Written partly if it fails.

    Raises:
        ImageError: not an image of this size, or damaged; the text is the reason alone.
    """
    if data[:2] == _JPEG:
        _decode_jpeg(data, out)
    else:
        _decode_png(data, out)


def _decode_jpeg(data: bytes, out: NDArray[np.uint8]) -> None:
    try:
        image = simplejpeg.decode_jpeg(data, "RGB", buffer=out)
    except ValueError as error:
        raise ImageError(_reason(data, out, error)) from error
    if image.shape != out.shape:
        raise ImageError(_other_size(image.shape, out))


def _reason(data: bytes, out: NDArray[np.uint8], error: ValueError) -> str:
    """Tell a larger image, which the decoder calls a small buffer, from a damaged one."""
    try:
        height, width = simplejpeg.decode_jpeg_header(data)[:2]
    except ValueError:
        return f"damaged JPEG: {error}"
    if height * width * 3 > out.size:
        return _other_size((height, width), out)
    return f"damaged JPEG: {error}"


def _decode_png(data: bytes, out: NDArray[np.uint8]) -> None:
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            pixels = np.asarray(image.convert("RGB"))
    except UnidentifiedImageError as error:
        raise ImageError("neither a JPEG nor a PNG") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"damaged PNG: {error}") from error
    if pixels.shape != out.shape:
        raise ImageError(_other_size(pixels.shape, out))
    out[:] = pixels


def _other_size(shape: tuple[int, ...], out: NDArray[np.uint8]) -> str:
    return f"{shape[1]}x{shape[0]} pixels instead of {out.shape[1]}x{out.shape[0]}"
