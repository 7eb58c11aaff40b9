"""Pictures of all formats but JPEG, by Pillow's own readers: a fixed list of them."""

from __future__ import annotations

import io
import logging
import warnings

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from alexprep.errors import ImageError
from alexprep.images.picture import UPRIGHT, Decoded, check_size

# Some readers log what they raise too, and Python shows that where nobody listens.
logging.getLogger("PIL").addHandler(logging.NullHandler())

ON_WHITE = "converted: transparency on white"
DEEP = "converted: 16-bit"
_ORIENTATION = 0x0112  # the tag of EXIF and TIFF
_FORMATS: dict[str, type[ImageFile.ImageFile]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "PPM": PpmImagePlugin.PpmImageFile,
}
# Files named so hold what their name says: no conversion worth a line in the report.
SUFFIXES = {
    "PNG": (".png",),
    "GIF": (".gif",),
    "WebP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}


def decode_other(data: bytes, name: str, max_pixels: int) -> Decoded:
    """Decode a file of the format `name`, a key of SUFFIXES.

    Raises:
        ImageError: it has too many pixels, or cannot be decoded.
    """
    reader = _FORMATS[name]
    if name == "WebP" and not WebPImagePlugin.SUPPORTED:
        raise ImageError("WebP, which this Pillow was built without")
    notes = [f"converted: {name}"]
    if name == "PNG" and data[24:25] == b"\x10":
        notes.append(DEEP)
    return by_pillow(reader, data, max_pixels, notes)


def by_pillow(
    reader: type[ImageFile.ImageFile], data: bytes, max_pixels: int, notes: list[str]
) -> Decoded:
    """Decode with one of Pillow's readers; its notes follow those given.

    Raises:
        ImageError: it has too many pixels, or cannot be decoded.
    """
    # The reader is called directly, because Image.open has a limit of its own on pixels.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that is not used
            image = reader(io.BytesIO(data))
            check_size(*image.size, max_pixels)
            image.load()
            rgb, note = _to_rgb(image)
            turn = int(image.getexif().get(_ORIENTATION) or UPRIGHT)
    except ImageError:
        raise
    except Exception as error:  # Pillow's readers raise anything on damaged data
        name = reader.format or "image"
        raise ImageError(f"{name} that cannot be decoded ({_words(error)})") from error
    # What is kept in `info`, a comment say, would be written into the prepared image.
    rgb.info = {}
    return Decoded(rgb, tuple(dict.fromkeys((*notes, *note))), turn)


def _to_rgb(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    if image.mode.startswith(("I", "F")):
        return _from_deep(image), (DEEP,)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB"), (ON_WHITE,)
    if image.mode == "RGB":
        return image, ()
    kind = {"P": "palette", "L": "grayscale", "1": "grayscale"}.get(image.mode, image.mode)
    return image.convert("RGB"), (f"converted: {kind}",)


def _from_deep(image: Image.Image) -> Image.Image:
    """Return 16-bit gray as 8-bit: level / 257, rounded, so that 65535 becomes 255."""
    levels = np.asarray(image)
    if image.mode == "F" or levels.min() < 0 or levels.max() > 65535:
        raise ImageError(f"gray levels of mode {image.mode}, whose range is not known")
    eight = (levels.astype(np.uint32) + 128) // 257
    return Image.fromarray(eight.astype(np.uint8)).convert("RGB")


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:80] or type(error).__name__
