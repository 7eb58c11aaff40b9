"""Bytes to pixels: by content, never by name; says what was converted and what was repaired."""

from __future__ import annotations

import re
import zlib

from alexprep.errors import ImageError, NoImageError
from alexprep.images.decode_jpeg import decode_jpeg
from alexprep.images.decode_other import decode_other
from alexprep.images.picture import Decoded

_JPEG = b"\xff\xd8\xff"
_GZIP = b"\x1f\x8b"
_MAGIC = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WebP"),
    (re.compile(rb"BM"), "BMP"),
    (re.compile(rb"II\*\0|MM\0\*"), "TIFF"),
    (re.compile(rb"P[1-6][\s#]"), "PPM"),
)


def decode(data: bytes, max_pixels: int) -> Decoded:
    """Decode one file, whatever its name says it is.

    Of a file that holds several pictures (MPO, GIF, TIFF) the first counts.

    Args:
        data: The whole file: JPEG (plain or gzipped), PNG, GIF, WebP, BMP, TIFF, PPM.
        max_pixels: A picture with more is refused before any of it is decoded.

    Raises:
        ImageError: no picture, or not all of one; the text is the reason alone.
    """
    if data.startswith(_JPEG):
        return decode_jpeg(data, max_pixels)
    if data.startswith(_GZIP):
        decoded = decode_jpeg(_gunzip(data, max_pixels), max_pixels)
        return decoded._replace(notes=("converted: gzip", *decoded.notes))
    for magic, name in _MAGIC:
        if magic.match(data):
            return decode_other(data, name, max_pixels)
    raise NoImageError(_no_image(data))


def _gunzip(data: bytes, max_pixels: int) -> bytes:
    # No JPEG of an allowed size is longer than its pixels; a bomb would be.
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(data, 3 * max_pixels)
    except zlib.error as error:
        raise ImageError("gzip that cannot be unpacked") from error
    if not unpacked.startswith(_JPEG):
        raise ImageError("gzip without a JPEG in it")
    return unpacked


def _no_image(data: bytes) -> str:
    if not data:
        return "empty file"
    if not data[:512].strip(b"\t\n\r" + bytes(range(32, 127))):
        return "not an image (text)"
    return "not an image of a known format"
