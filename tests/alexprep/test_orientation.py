"""EXIF orientation: passed over by default, and honoured exactly where the settings ask for it."""

import dataclasses
import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from alexprep.errors import SettingsError
from alexprep.images import decode_jpeg
from alexprep.images.decode import decode
from alexprep.images.exif import orientation
from alexprep.images.transform import prepare, square_array
from alexprep.settings import PrepSettings
from tests.alexprep.pictures import encode, exif, jpeg, photo, pixels, with_segment

TURNING = PrepSettings(size=24, exif_transpose=True)
PLAIN = dataclasses.replace(TURNING, exif_transpose=False)
NOTE = "converted: turned as EXIF says"


def as_a_viewer_shows(data):
    """The file that shows the same picture without EXIF, losslessly."""
    with Image.open(io.BytesIO(data)) as image:
        return encode(ImageOps.exif_transpose(image), "PNG")


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("large", [False, True])
def test_all_eight_orientations_are_those_of_pillow(number, large, monkeypatch):
    if large:  # decoded to an array, resized strip by strip
        monkeypatch.setattr(decode_jpeg, "LARGE", 100)
    data = jpeg(61, 40, exif=exif(number))
    assert np.array_equal(square_array(data, TURNING), square_array(as_a_viewer_shows(data), PLAIN))
    assert prepare(data, TURNING)[1] == ((NOTE,) if number > 1 else ())
    assert np.array_equal(square_array(data, PLAIN), square_array(jpeg(61, 40), PLAIN))


def test_the_orientations_differ():
    squares = [square_array(jpeg(61, 40, exif=exif(i)), TURNING).tobytes() for i in range(1, 9)]
    assert len(set(squares)) == 8


@pytest.mark.parametrize("name", ["PNG", "WebP"])
def test_other_formats_carry_it_too(name):
    own = Image.Exif()
    own[0x0112] = 6
    options = {"lossless": True} if name == "WebP" else {}
    data = encode(photo(61, 40), name, exif=own, **options)
    turned = encode(photo(61, 40).transpose(Image.Transpose.ROTATE_270), "PNG")
    assert np.array_equal(square_array(data, TURNING), square_array(turned, PLAIN))
    assert NOTE in prepare(data, TURNING)[1]


def test_a_tiff_comes_upright_in_any_case():
    own = Image.Exif()
    own[0x0112] = 6
    data = encode(photo(61, 40), "TIFF", exif=own)
    turned = encode(photo(61, 40).transpose(Image.Transpose.ROTATE_270), "TIFF")
    for settings in (TURNING, PLAIN):
        assert prepare(data, settings) == prepare(turned, settings)


@pytest.mark.parametrize("number", [0, 9, 65535])
def test_a_number_that_means_nothing_turns_nothing(number):
    data = jpeg(61, 40, exif=exif(number))
    assert prepare(data, TURNING) == prepare(jpeg(61, 40), TURNING)


def test_it_is_read_from_what_is_left_of_damaged_exif():
    entry = struct.pack("<HHIHH", 0x112, 3, 1, 8, 0)
    whole = b"II*\0" + struct.pack("<IH", 8, 40) + entry  # forty entries are promised
    assert orientation(whole) == 8
    for end in range(len(whole)):
        assert orientation(whole[:end]) == 1
    assert orientation(b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x112, 3, 1, 5, 0)) == 5
    data = with_segment(jpeg(61, 40), 0xE1, b"Exif\0\0" + whole)
    assert decode(data, 10**6).orientation == 8
    assert pixels(data)[1] == ("repaired: corrupt EXIF",)


def test_the_setting_is_true_or_false():
    with pytest.raises(SettingsError, match="exif_transpose must be true or false; got 'yes'"):
        PrepSettings(exif_transpose="yes")
