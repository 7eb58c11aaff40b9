"""Bytes to pixels: what each kind of file gives, and what is no picture."""

import gzip
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.alexprep.pictures import (
    JPEGS,
    OTHERS,
    encode,
    jpeg,
    levels,
    photo,
    pixels,
    reason,
)


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("sides", [(64, 48), (61, 47), (1, 1), (9, 200)])
def test_a_jpeg_has_the_levels_that_pillow_gives(options, sides):
    data = jpeg(*sides, **options)
    found, notes = pixels(data)
    assert np.array_equal(found, levels(data))
    assert notes == ()


def test_gray_and_cmyk_jpegs_have_pillows_levels_and_are_counted():
    for mode, note in (("L", "converted: grayscale"), ("CMYK", "converted: CMYK")):
        data = encode(photo().convert(mode), "JPEG", quality=90)
        found, notes = pixels(data)
        assert np.array_equal(found, levels(data))
        assert notes == (note,)


def test_no_ink_is_white_and_all_ink_is_black():
    for ink, level in (((0, 0, 0, 0), 255), ((255, 255, 255, 255), 0), ((0, 0, 0, 255), 0)):
        data = encode(Image.new("CMYK", (16, 16), ink), "JPEG", quality=95)
        assert (pixels(data)[0] == level).all()


@pytest.mark.parametrize("name", OTHERS)
def test_every_format_is_known_by_content(name):
    options = {"WebP": {"lossless": True}}.get(name, {})
    found, notes = pixels(encode(photo(), name, **options))
    assert notes[0] == f"converted: {name}"
    if name != "GIF":  # which has 256 colours
        assert np.array_equal(found, np.asarray(photo()))


def test_a_zipped_jpeg_is_unzipped():
    found, notes = pixels(gzip.compress(jpeg()))
    assert np.array_equal(found, levels(jpeg()))
    assert notes == ("converted: gzip",)


def test_of_several_pictures_the_first_counts():
    first, second = photo(seed=1), photo(seed=2)
    both = {"save_all": True, "append_images": [second]}
    assert np.array_equal(pixels(encode(first, "TIFF", **both))[0], np.asarray(first))
    mpo = encode(first, "MPO", quality=90, **both)
    found, notes = pixels(mpo)
    assert np.array_equal(found, levels(jpeg(seed=1)))
    assert notes == ()  # what follows the first picture is no garbage


def test_transparency_is_laid_on_white():
    rgba = np.zeros((1, 4, 4), np.uint8)
    rgba[0] = [(10, 20, 30, 255), (10, 20, 30, 0), (0, 0, 0, 128), (255, 0, 0, 51)]
    found, notes = pixels(encode(Image.fromarray(rgba), "PNG"))
    assert found[0].tolist() == [[10, 20, 30], [255, 255, 255], [127, 127, 127], [255, 204, 204]]
    assert notes == ("converted: PNG", "converted: transparency on white")


def test_transparent_palettes_gray_and_key_colours_are_laid_on_white():
    palette = Image.new("P", (2, 1))
    palette.putpalette([200, 0, 0, 0, 100, 0])
    palette.putdata([0, 1])
    bytes_ = encode(palette, "PNG", transparency=b"\x00\xff")
    assert pixels(bytes_)[0].tolist() == [[[255, 255, 255], [0, 100, 0]]]
    gif = encode(palette, "GIF", transparency=0)
    assert pixels(gif)[0].tolist() == [[[255, 255, 255], [0, 100, 0]]]
    gray = np.array([[[50, 255], [50, 0]]], np.uint8)
    assert pixels(encode(Image.fromarray(gray, "LA"), "PNG"))[0][0, :, 0].tolist() == [50, 255]
    key = encode(Image.new("RGB", (1, 1), (9, 9, 9)), "PNG", transparency=(9, 9, 9))
    assert pixels(key)[0].tolist() == [[[255, 255, 255]]]


def test_palettes_and_bits_are_converted_and_counted():
    image = photo().convert("P")
    found, notes = pixels(encode(image, "PNG"))
    assert np.array_equal(found, np.asarray(image.convert("RGB")))
    assert notes == ("converted: PNG", "converted: palette")
    found, notes = pixels(encode(photo().convert("1"), "PNG"))
    assert set(np.unique(found)) == {0, 255}
    assert notes == ("converted: PNG", "converted: grayscale")


@pytest.mark.parametrize("name", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_become_eight_by_rounding(name):
    deep = np.array([[0, 128, 129, 385, 386, 65406, 65407, 65535]], np.uint16)
    found, notes = pixels(encode(Image.fromarray(deep), name))
    assert found[0, :, 0].tolist() == [0, 0, 1, 1, 2, 254, 255, 255]
    assert (found == found[..., :1]).all()
    assert "converted: 16-bit" in notes


def test_gray_levels_without_a_known_range_are_refused():
    floats = Image.fromarray(np.array([[0.5, 2.0]], np.float32))
    assert "whose range is not known" in reason(encode(floats, "TIFF"))


def test_flaws_of_metadata_that_is_not_used_are_passed_over():
    data = encode(photo(), "PNG")
    no_frames = b"acTL" + bytes(8)  # an animation of none, of which Pillow warns
    chunk = struct.pack(">I", 8) + no_frames + struct.pack(">I", zlib.crc32(no_frames))
    found, notes = pixels(data[:33] + chunk + data[33:])
    assert np.array_equal(found, np.asarray(photo()))
    assert notes == ("converted: PNG",)


def test_what_is_no_image_is_named():
    assert reason(b"") == "empty file"
    assert reason(b"<!DOCTYPE html>\n<p>404</p>") == "not an image (text)"
    assert reason(bytes(range(256))) == "not an image of a known format"
    assert reason(b"%PDF-1.7\n\x80\x81") == "not an image of a known format"
    assert reason(b"%!PS-Adobe-3.0 EPSF-3.0\n") == "not an image (text)"
    assert reason(gzip.compress(b"text")) == "gzip without a JPEG in it"
    assert "pixels are missing" in reason(gzip.compress(jpeg())[:-300])
    assert reason(b"\x1f\x8b" + bytes(30)) == "gzip that cannot be unpacked"


def test_too_many_pixels_are_refused_by_the_header_alone():
    wide = struct.pack(">II", 60_000, 50_000)
    png = bytearray(encode(Image.new("L", (8, 8)), "PNG"))
    png[16:24] = wide
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    assert reason(bytes(png)) == "60,000 x 50,000 pixels, more than --max-pixels 100,000,000"
    data = jpeg()
    sides = data.index(b"\xff\xc0") + 5
    big = data[:sides] + b"\xff\xff\xff\xfe" + data[sides + 4 :]
    assert reason(big) == "65,534 x 65,535 pixels, more than --max-pixels 100,000,000"
    for data in (jpeg(64, 48), encode(photo(64, 48), "PNG")):
        assert pixels(data, limit=64 * 48)[0].shape == (48, 64, 3)
        assert "64 x 48 pixels, more than --max-pixels 3,071" in reason(data, limit=64 * 48 - 1)


def test_pillows_own_limit_on_pixels_does_not_interfere(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for name in ("JPEG", *OTHERS):
        if name == "TIFF":
            continue  # whose reader asks the limit itself; by default it is above --max-pixels
        assert pixels(encode(photo(), name))[0].shape == (48, 64, 3)
