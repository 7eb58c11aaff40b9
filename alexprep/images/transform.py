"""Source bytes to a square picture to encoded bytes: the only path, for shards and prediction."""

from __future__ import annotations

import hashlib
import io
from functools import cache

import numpy as np
import PIL
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, features

from alexprep.images.decode import decode
from alexprep.images.geometry import Box, box
from alexprep.images.orientation import upright
from alexprep.images.picture import Decoded
from alexprep.settings import PrepSettings

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}
_STRIP = 1 << 20  # pixels of a large picture that are resized at a time


def prepare(data: bytes, settings: PrepSettings) -> tuple[bytes, tuple[str, ...]]:
    """Turn one raw file into what a shard stores.

    Returns:
        The encoded square, and what was converted or repaired on the way.

    Raises:
        ImageError: no picture in it; the text is the reason alone.
    """
    decoded = _decode(data, settings)
    return encode(_resize(decoded, settings), settings), decoded.notes


def square(data: bytes, settings: PrepSettings) -> tuple[Image.Image, tuple[str, ...]]:
    """Turn one raw file into a square picture, mode RGB, and what was done on the way.

    Raises:
        ImageError: no picture in it; the text is the reason alone.
    """
    decoded = _decode(data, settings)
    return _resize(decoded, settings).convert("RGB"), decoded.notes


def square_array(data: bytes, settings: PrepSettings) -> NDArray[np.uint8]:
    """Turn one raw file into uint8 [size, size, 3], RGB, levels 0..255.

    Raises:
        ImageError: no picture in it; the text is the reason alone.
    """
    return np.asarray(square(data, settings)[0])


def encode(image: Image.Image, settings: PrepSettings) -> bytes:
    """Encode a prepared picture (mode RGB or RGBX) as Pillow does: JPEG or PNG."""
    file = io.BytesIO()
    if settings.format == "png":
        image.convert("RGB").save(file, "PNG")
    else:
        image.save(file, "JPEG", quality=settings.quality, subsampling=settings.subsampling)
    return file.getvalue()


@cache
def codec(format: str = "jpg") -> dict[str, str]:  # noqa: A002  # as in PrepSettings
    """Name what makes the bytes beside the settings; stored in the manifest.

    Args:
        format: Of the prepared images, "jpg" or "png": each depends on another library.

    Returns:
        Versions, and as `probe` the SHA-256 of a fixed pattern that was encoded, decoded, resized
        and encoded again: two machines with the same probe make the same shards.
    """
    settings = PrepSettings(size=96, format=format)
    pattern = io.BytesIO()
    Image.fromarray(_pattern(200, 150)).save(pattern, "JPEG", quality=90)
    prepared, _ = prepare(pattern.getvalue(), settings)
    if format == "png":
        library = {"zlib": str(features.version("zlib"))}
    else:
        turbo = features.version("libjpeg_turbo")
        name = f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {features.version('jpg')}"
        library = {"libjpeg": name}
    return {
        "pillow": PIL.__version__,
        "simd": "yes" if ".post" in PIL.__version__ else "no",  # how pillow-simd numbers itself
        "simplejpeg": simplejpeg.__version__,
        **library,
        "probe": hashlib.sha256(prepared).hexdigest(),
    }


def _decode(data: bytes, settings: PrepSettings) -> Decoded:
    decoded = decode(data, settings.max_pixels)
    return upright(decoded) if settings.exif_transpose else decoded


def _resize(decoded: Decoded, settings: PrepSettings) -> Image.Image:
    """Return the square, mode RGB or RGBX (of which X is not used)."""
    width, height = decoded.size
    shown = box(width, height, settings.size, settings.geometry)
    sides = (settings.size, settings.size)
    if isinstance(decoded.pixels, Image.Image):
        return decoded.pixels.resize(sides, _FILTERS[settings.filter], shown)
    return _resize_large(decoded.pixels, settings, shown)


def _resize_large(pixels: NDArray[np.uint8], settings: PrepSettings, shown: Box) -> Image.Image:
    """Resize uint8 [height, width, 3] strip by strip: the same levels, little memory.

    Pillow resizes lines first and columns then, with whole levels in between; so each strip of
    lines may go alone.
    """
    height, width, _ = pixels.shape
    left, top, right, bottom = shown
    size, resample = settings.size, _FILTERS[settings.filter]
    narrow = Image.new("RGB", (size, height))
    step = max(1, _STRIP // width)
    for start in range(0, height, step):
        lines = np.ascontiguousarray(pixels[start : start + step])  # a turned one is a view
        strip = Image.frombuffer("RGB", (width, len(lines)), lines, "raw", "RGB", 0, 1)
        lines_shown = (left, 0, right, len(lines))
        narrow.paste(strip.resize((size, len(lines)), resample, lines_shown), (0, start))
    return narrow.resize((size, size), resample, (0, top, size, bottom))


def _pattern(width: int, height: int) -> NDArray[np.uint8]:
    """Return a picture made by whole numbers alone: stripes, edges and slopes in each colour."""
    y, x = np.mgrid[0:height, 0:width]
    red, green, blue = x * 5 + y, (x // 9 + y // 7) % 2 * 200 + y % 50, x * y // 40
    return np.stack((red, green, blue), axis=-1).astype(np.uint8)
