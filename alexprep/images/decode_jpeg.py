"""JPEG to pixels, by simplejpeg: the same levels as Pillow's decoder gives, 10 % sooner.

And libjpeg's warnings are heard, which Pillow passes over: a picture of which a part is gray or
noise is not taken for a whole one.
"""

from __future__ import annotations

import re

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from alexprep.errors import ImageError
from alexprep.images import exif, jpeg
from alexprep.images.decode_other import by_pillow
from alexprep.images.picture import Decoded, check_size

# More pixels than this are decoded to 3 bytes each instead of 4: slower, but a progressive JPEG
# of 32 million pixels then takes 198 MB in all instead of 230.
LARGE = 1 << 22
# A progressive JPEG has about ten. Each costs a walk over all pixels and may be written in 75
# bytes: a file of 1 MB would take many minutes.
MAX_SCANS = 100
CORRUPT_EXIF = "repaired: corrupt EXIF"
NO_END = "repaired: missing end marker"
TRAILING = "repaired: trailing bytes"
STRAY = "repaired: stray bytes in the image data"
HEADER = "repaired: damaged header"
_COLOUR_NOTES = {
    "Gray": ("converted: grayscale",),
    "CMYK": ("converted: CMYK",),
    "YCCK": ("converted: CMYK",),
}
_LEFT_OVER = re.compile(r"extraneous bytes before marker 0xd9")


def decode_jpeg(data: bytes, max_pixels: int) -> Decoded:
    """Decode a file that begins as a JPEG does.

    Raises:
        ImageError: it has too many pixels, or not all of them are there.
    """
    if jpeg.has_more_scans(data, MAX_SCANS):
        raise ImageError(f"JPEG of more than {MAX_SCANS} scans, which no picture needs")
    found = jpeg.find_exif(data)
    notes = [CORRUPT_EXIF] if found is not None and exif.is_corrupt(found) else []
    decoded = _decode(data, max_pixels, notes)
    return decoded if found is None else decoded._replace(orientation=exif.orientation(found))


def _decode(data: bytes, max_pixels: int, notes: list[str]) -> Decoded:
    try:
        width, height, colours = _header(data)
        check_size(width, height, max_pixels)
        pixels = _pixels(data, width, height, colours)
    except ValueError as error:
        return _flawed_jpeg(data, str(error), max_pixels, notes)
    if not data.endswith(jpeg.END):
        notes.append(TRAILING)
    return Decoded(pixels, (*_COLOUR_NOTES.get(colours, ()), *notes))


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
        return by_pillow(JpegImagePlugin.JpegImageFile, data, max_pixels, notes)
    check_size(width, height, max_pixels)
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


def _damage(complaint: str) -> str:
    if "remature end" in complaint:
        return "JPEG that ends early: pixels are missing"
    if "subsampling" in complaint:
        return "JPEG without a readable header"
    reason = complaint.removeprefix("Corrupt JPEG data: ")
    return f"JPEG with damaged data ({reason})"
