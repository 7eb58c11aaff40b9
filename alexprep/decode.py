"""Bytes to pixels: by content, never by name; says what was converted and what was repaired.

JPEG goes through simplejpeg: the same levels as Pillow's decoder gives, 10 % sooner, and libjpeg's
warnings are heard, which Pillow passes over: a picture of which a part is gray or noise is not
taken for a whole one. All other formats go through Pillow's own readers, a fixed list of them.
"""

from __future__ import annotations

import io
import re
import warnings
import zlib
from typing import NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from alexprep import exif, jpeg
from alexprep.errors import ImageError

# More pixels than this are decoded to 3 bytes each instead of 4: slower, but a progressive JPEG
# of 32 million pixels then takes 190 MB in all instead of 220.
LARGE = 1 << 22
CORRUPT_EXIF = "repaired: corrupt EXIF"
NO_END = "repaired: missing end marker"
TRAILING = "repaired: trailing bytes"
STRAY = "repaired: stray bytes in the image data"
HEADER = "repaired: damaged header"
ON_WHITE = "converted: transparency on white"
_FORMATS: dict[str, type[ImageFile.ImageFile]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "PPM": PpmImagePlugin.PpmImageFile,
}
_MAGIC = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WebP"),
    (re.compile(rb"BM"), "BMP"),
    (re.compile(rb"II\*\0|MM\0\*"), "TIFF"),
    (re.compile(rb"P[1-6][\s#]"), "PPM"),
)
# Files named so hold what their name says: no conversion worth a line in the report.
SUFFIXES = {
    "PNG": (".png",),
    "GIF": (".gif",),
    "WebP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}


class Decoded(NamedTuple):
    """A picture. Levels are 0..255, colours RGB, as stored: EXIF orientation is not applied."""

    # An Image of mode RGB or RGBX (X is not used), or of a large JPEG uint8 [height, width, 3].
    pixels: Image.Image | NDArray[np.uint8]
    notes: tuple[str, ...]  # fixed phrases, "converted: ..." or "repaired: ..."

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        if isinstance(self.pixels, Image.Image):
            return self.pixels.size
        return self.pixels.shape[1], self.pixels.shape[0]


def decode(data: bytes, max_pixels: int) -> Decoded:
    """Decode one file, whatever its name says it is.

    Of a file that holds several pictures (MPO, GIF, TIFF) the first counts.

    Args:
        data: The whole file: JPEG (plain or gzipped), PNG, GIF, WebP, BMP, TIFF, PPM.
        max_pixels: A picture with more is refused before any of it is decoded.

    Raises:
        ImageError: no picture, or not all of one; the text is the reason alone.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data, max_pixels)
    if data.startswith(b"\x1f\x8b"):
        decoded = _jpeg(_gunzip(data, max_pixels), max_pixels)
        return decoded._replace(notes=("converted: gzip", *decoded.notes))
    for magic, name in _MAGIC:
        if magic.match(data):
            return _other(data, name, max_pixels)
    raise ImageError(_no_image(data))


def _jpeg(data: bytes, max_pixels: int) -> Decoded:
    found = jpeg.find_exif(data)
    notes = [CORRUPT_EXIF] if found is not None and exif.is_corrupt(found) else []
    try:
        width, height, colours = _header(data)
        _check_size(width, height, max_pixels)
        pixels = _pixels(data, width, height, colours)
    except ValueError as error:
        return _flawed_jpeg(data, str(error), max_pixels, notes)
    if not data.endswith(jpeg.END):
        notes.append(TRAILING)
    return Decoded(pixels, (*_COLOUR_NOTES.get(colours, ()), *notes))


_COLOUR_NOTES = {
    "Gray": ("converted: grayscale",),
    "CMYK": ("converted: CMYK",),
    "YCCK": ("converted: CMYK",),
}


def _header(data: bytes) -> tuple[int, int, str]:
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    except KeyError as error:  # what simplejpeg says of a subsampling that is not in its table
        raise ValueError("unknown subsampling") from error
    return width, height, colours


def _pixels(
    data: bytes, width: int, height: int, colours: str, *, strict: bool = True
) -> Image.Image | NDArray[np.uint8]:
    """Decode a JPEG; a ValueError carries libjpeg's warning or error."""
    if colours in ("CMYK", "YCCK"):
        # Inverted, as Adobe writes it and as Pillow reads every such file.
        inks = np.invert(simplejpeg.decode_jpeg(data, "CMYK", strict=strict))
        return _view(inks, "CMYK").convert("RGB")
    if width * height > LARGE:
        large: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=strict)
        return large
    # Four bytes a pixel are how Pillow keeps RGB itself, so nothing is copied.
    return _view(simplejpeg.decode_jpeg(data, "RGBX", strict=strict), "RGBX")


def _view(array: NDArray[np.uint8], mode: str) -> Image.Image:
    height, width, _ = array.shape
    return Image.frombuffer(mode, (width, height), array, "raw", mode, 0, 1)


def _flawed_jpeg(data: bytes, complaint: str, max_pixels: int, notes: list[str]) -> Decoded:
    """Decode a JPEG that libjpeg complained of, if all its pixels are there."""
    mended = jpeg.mend(data)
    if mended is None:
        raise ImageError(_damage(complaint))
    try:
        width, height, colours = _header(mended.data)
    except ValueError:
        return _by_pillow(JpegImagePlugin.JpegImageFile, data, max_pixels, notes)
    _check_size(width, height, max_pixels)
    try:
        pixels = _pixels(mended.data, width, height, colours)
    except ValueError as error:
        if not _LEFT_OVER.search(str(error)):
            raise ImageError(_damage(str(error))) from error
        # Every pixel was decoded before these bytes, which belong to none.
        pixels = _pixels(mended.data, width, height, colours, strict=False)
        notes = [*notes, STRAY]
    if not (mended.had_end or mended.complete):
        raise ImageError("JPEG that ends before its last scan: pixels are missing")
    if not mended.had_end:
        notes = [*notes, NO_END]
    elif STRAY not in notes:
        notes = [*notes, HEADER]
    return Decoded(pixels, (*_COLOUR_NOTES.get(colours, ()), *notes))


_LEFT_OVER = re.compile(r"extraneous bytes before marker 0xd9")


def _damage(complaint: str) -> str:
    if "remature end" in complaint:
        return "JPEG that ends early: pixels are missing"
    if "subsampling" in complaint:
        return "JPEG without a readable header"
    reason = complaint.removeprefix("Corrupt JPEG data: ")
    return f"JPEG with damaged data ({reason})"


def _other(data: bytes, name: str, max_pixels: int) -> Decoded:
    reader = _FORMATS[name]
    if name == "WebP" and not WebPImagePlugin.SUPPORTED:
        raise ImageError("WebP, which this Pillow was built without")
    notes = [f"converted: {name}"]
    if name == "PNG" and data[24:25] == b"\x10":
        notes.append("converted: 16-bit")
    return _by_pillow(reader, data, max_pixels, notes)


def _by_pillow(
    reader: type[ImageFile.ImageFile], data: bytes, max_pixels: int, notes: list[str]
) -> Decoded:
    # The reader is called directly, because Image.open has a limit of its own on pixels.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that is not used
            image = reader(io.BytesIO(data))
            _check_size(*image.size, max_pixels)
            image.load()
            rgb, note = _to_rgb(image)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's readers raise anything on damaged data
        name = reader.format or "image"
        raise ImageError(f"{name} that cannot be decoded ({_words(error)})") from error
    # What is kept in `info`, a comment say, would be written into the prepared image.
    rgb.info = {}
    return Decoded(rgb, tuple(dict.fromkeys((*notes, *note))))


def _to_rgb(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    if image.mode.startswith(("I", "F")):
        return _from_deep(image), ("converted: 16-bit",)
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


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ImageError(f"{width:,} x {height:,} pixels, more than --max-pixels {max_pixels:,}")


def _gunzip(data: bytes, max_pixels: int) -> bytes:
    # No JPEG of an allowed size is longer than its pixels; a bomb would be.
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(data, 3 * max_pixels)
    except zlib.error as error:
        raise ImageError("gzip that cannot be unpacked") from error
    if not unpacked.startswith(b"\xff\xd8\xff"):
        raise ImageError("gzip without a JPEG in it")
    return unpacked


def _no_image(data: bytes) -> str:
    if not data:
        return "empty file"
    if not data[:512].strip(b"\t\n\r" + bytes(range(32, 127))):
        return "not an image (text)"
    return "not an image of a known format"


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:80] or type(error).__name__
