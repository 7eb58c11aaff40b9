"""Files of all kinds that tests decode, made here."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from alexprep.errors import ImageError
from alexprep.images.decode import decode
from tests.conftest import jpeg_bytes, smooth_image

LIMIT = 100_000_000


def encode(image, format, **options):  # noqa: A002
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def photo(width=64, height=48, seed=0):
    """A picture with both slopes and noise, mode RGB."""
    smooth = smooth_image(seed, width, height).astype(np.int64)
    noise = np.random.default_rng(seed).integers(-20, 21, smooth.shape)
    return Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8))


def jpeg(width=64, height=48, seed=0, **options):
    return encode(photo(width, height, seed), "JPEG", **({"quality": 90} | options))


def levels(data):
    """What Pillow makes of a file: uint8 [height, width, 3]."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def segment(marker, payload):
    return bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload


def with_segment(data, marker, payload):
    """A JPEG with one more segment right after its first marker."""
    return data[:2] + segment(marker, payload) + data[2:]


def exif(orientation=6, width_of_value=3, count=1):
    """EXIF of one directory with one entry."""
    entry = struct.pack("<HHII", 0x0112, width_of_value, count, orientation)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)


def pixels(data, limit=LIMIT):
    """Levels [height, width, 3] and notes."""
    decoded = decode(data, limit)
    found = np.asarray(decoded.pixels)[..., :3]
    assert decoded.size == (found.shape[1], found.shape[0])
    return found, decoded.notes


def reason(data, limit=LIMIT):
    with pytest.raises(ImageError) as caught:
        decode(data, limit)
    return str(caught.value)


JPEGS = {
    "4:2:0": {},
    "4:2:2": {"subsampling": "4:2:2"},
    "4:4:4": {"subsampling": "4:4:4"},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 3},
    "stored as RGB": {"keep_rgb": True},
    "rough": {"quality": 5},
}
OTHERS = ["PNG", "GIF", "WebP", "BMP", "TIFF", "PPM"]


__all__ = [
    "JPEGS",
    "LIMIT",
    "OTHERS",
    "encode",
    "exif",
    "jpeg",
    "jpeg_bytes",
    "levels",
    "photo",
    "pixels",
    "reason",
    "segment",
    "smooth_image",
    "with_segment",
]
