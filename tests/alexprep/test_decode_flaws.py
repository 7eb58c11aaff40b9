"""JPEG files with flaws: whole, mended and counted, or refused with a reason."""

import re

import numpy as np
import pytest
from PIL import Image

from alexprep.errors import ImageError
from tests.alexprep.pictures import (
    JPEGS,
    encode,
    jpeg,
    levels,
    photo,
    pixels,
    reason,
    segment,
    with_segment,
)


@pytest.mark.parametrize("options", [JPEGS["4:2:0"], JPEGS["progressive"], JPEGS["restarts"]])
def test_wherever_a_jpeg_is_cut_it_comes_whole_or_not_at_all(options):
    data = jpeg(40, 24, **options)
    whole = levels(data)
    came = 0
    for end in range(3, len(data)):
        try:
            found, notes = pixels(data[:end])
        except ImageError:
            continue
        came += 1
        assert np.array_equal(found, whole), end
        assert notes == ("repaired: missing end marker",)
    assert 1 <= came <= 4  # without the end marker, and perhaps a byte of padding


def test_a_progressive_jpeg_that_ends_between_scans_is_not_whole():
    data = jpeg(40, 24, progressive=True)
    scans = [match.start() for match in re.finditer(rb"\xff\xda", data)]
    assert len(scans) > 3
    tables = data.rindex(b"\xff\xc4", 0, scans[-1])
    cut = data[:tables]
    assert reason(cut) == "JPEG that ends before its last scan: pixels are missing"


def test_a_jpeg_of_thousands_of_scans_is_refused_before_they_are_decoded():
    whole = jpeg(40, 24, progressive=True)
    last = whole.rindex(b"\xff\xda")
    bomb = whole[:-2] + whole[last:-2] * 5000 + whole[-2:]
    assert reason(bomb) == "JPEG of more than 100 scans, which no picture needs"
    assert pixels(whole + b"\xff\xda" * 5000)[1] == ("repaired: trailing bytes",)


def test_what_follows_the_end_marker_is_left_out_and_counted():
    for tail in (b"\0", b"\r\n", b"x" * 5000):
        found, notes = pixels(jpeg() + tail)
        assert np.array_equal(found, levels(jpeg()))
        assert notes == ("repaired: trailing bytes",)


def test_stray_bytes_before_the_end_marker_cost_no_pixel():
    data = jpeg()
    found, notes = pixels(data[:-2] + bytes(20) + data[-2:])
    assert np.array_equal(found, levels(data))
    assert notes == ("repaired: stray bytes in the image data",)


FLAWED_HEADERS = {
    "ICC profile that is part 0 of 0": lambda data: with_segment(data, 0xE2, b"ICC_PROFILE\0\0\0x"),
    "junk between segments": lambda data: data[:2] + segment(0xFE, b"ok") + b"junk" + data[2:],
    "JFIF of version 0": lambda data: with_segment(data, 0xE0, b"JFIF\0" + bytes(9)),
    "Adobe transform of 9": lambda data: with_segment(
        data[:2] + data[20:], 0xEE, b"Adobe\0\x64\0\0\0\0\x09"
    ),  # in place of JFIF, which would tell the colours
}


@pytest.mark.parametrize("flaw", FLAWED_HEADERS.values(), ids=FLAWED_HEADERS)
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_damaged_header_is_mended(flaw, options):
    data = jpeg(**options)
    found, notes = pixels(flaw(data))
    assert np.array_equal(found, levels(data))
    assert notes == ("repaired: damaged header",)


def test_bounds_of_a_sequential_scan_are_set_right():
    data = jpeg()
    scan = data.index(b"\xff\xda")
    bounds = scan + 2 + 10 - 1
    assert data[bounds : bounds + 3] == b"\x00\x3f\x00"
    found, notes = pixels(data[:bounds] + b"\0\0\0" + data[bounds + 3 :])
    assert np.array_equal(found, levels(data))
    assert notes == ("repaired: damaged header",)


def test_mending_a_header_does_not_hide_missing_pixels():
    for flaw in FLAWED_HEADERS.values():
        assert "pixels are missing" in reason(flaw(jpeg()[:-200]))
        assert "pixels are missing" in reason(flaw(jpeg()[:-200] + b"\xff\xd9"))


def test_mending_keeps_the_colour_model():
    data = encode(photo().convert("CMYK"), "JPEG", quality=90)
    found, notes = pixels(data[:-2])
    assert np.array_equal(found, levels(data))
    assert notes == ("converted: CMYK", "repaired: missing end marker")
    # RGB of which only the Adobe segment says that it is no YCbCr
    stored = bytearray(jpeg(keep_rgb=True))
    frame, scan = stored.index(b"\xff\xc0") + 10, stored.index(b"\xff\xda") + 5
    assert bytes(stored[frame : frame + 9 : 3]) == bytes(stored[scan : scan + 6 : 2]) == b"RGB"
    stored[frame : frame + 9 : 3] = stored[scan : scan + 6 : 2] = b"\1\2\3"
    assert np.array_equal(levels(bytes(stored)), levels(jpeg(keep_rgb=True)))
    assert np.array_equal(pixels(bytes(stored[:-2]))[0], levels(bytes(stored)))


def test_pixels_that_pillow_would_fill_with_gray_are_missed():
    cut = jpeg()[:-200] + b"\xff\xd9"
    assert levels(cut).shape == (48, 64, 3)  # Pillow says nothing
    assert reason(cut) == "JPEG that ends early: pixels are missing"


def test_damage_inside_the_image_data_is_seen():
    data = jpeg(restart_marker_blocks=3)
    first, second = (match.start() for match in list(re.finditer(rb"\xff[\xd0-\xd7]", data))[:2])
    lost = data[:first] + data[second:]
    assert levels(lost).shape == (48, 64, 3)
    assert "damaged" in reason(lost)


def test_an_unusual_subsampling_is_left_to_pillow():
    # 4:4:4 with factors 3x1 for the first component: in no table of simplejpeg
    data = encode(Image.new("RGB", (48, 8), (90, 90, 90)), "JPEG", subsampling="4:4:4")
    factors = data.index(b"\xff\xc0") + 11
    assert data[factors] == 0x11
    odd = data[:factors] + b"\x31" + data[factors + 1 :]
    found, notes = pixels(odd)
    assert np.array_equal(found, levels(odd))
    assert notes == ()
