"""CMYK and YCCK: the colours are those of the picture that was there before it became inks."""

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from tests.alexprep.pictures import encode, levels, pixels, smooth_image

TOLERANCE = 4  # levels: JPEG of quality 100, and inks in whole levels


def inks(rgb, *, black):
    """Inks 0..255 [height, width, 4] of a picture; `black` takes what three inks share as one."""
    colours = 255 - rgb.astype(np.int64)
    shared = colours.min(axis=2, keepdims=True) if black else np.zeros_like(colours[..., :1])
    rest = np.maximum(255 - shared, 1)
    three = ((colours - shared) * 255 + rest // 2) // rest
    return np.concatenate([three, shared], axis=2).astype(np.uint8)


def as_cmyk(amounts):
    """CMYK with Adobe's marker, inverted, as Photoshop and Pillow write it."""
    return encode(Image.fromarray(amounts, "CMYK"), "JPEG", quality=100, subsampling="4:4:4")


def as_ycck(amounts):
    """YCCK with Adobe's marker (libjpeg-turbo writes what it is given, so inverted here)."""
    inverted = np.ascontiguousarray(255 - amounts)
    return simplejpeg.encode_jpeg(inverted, 100, "CMYK", "444")


def without_marker(amounts):
    data = as_cmyk(amounts)
    assert data[2:4] == b"\xff\xee"
    return data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]


@pytest.mark.parametrize("black", [False, True])
@pytest.mark.parametrize("written", [as_cmyk, as_ycck])
def test_inks_give_back_the_picture(written, black):
    rgb = smooth_image(3, 96, 64)
    found, notes = pixels(written(inks(rgb, black=black)))
    assert np.abs(found.astype(int) - rgb).max() <= TOLERANCE
    assert notes == ("converted: CMYK",)


def test_the_marker_tells_cmyk_and_ycck_apart():
    amounts = inks(smooth_image(3, 96, 64), black=True)
    for data, transform in ((as_cmyk(amounts), 0), (as_ycck(amounts), 2)):
        adobe = data.index(b"Adobe")
        assert data[adobe + 11] == transform


def test_without_the_marker_inks_are_taken_as_inverted_too():
    # As Pillow does; a file that is not would come as a negative, here and there.
    rgb = smooth_image(3, 96, 64)
    found, _ = pixels(without_marker(inks(rgb, black=False)))
    assert np.abs(found.astype(int) - rgb).max() <= TOLERANCE
    negative = without_marker(255 - inks(rgb, black=False))
    assert np.array_equal(pixels(negative)[0], levels(negative))
