"""Bytes to pixels: what each kind of file gives, and what is no picture or not all of one."""

import gzip
import re
import struct
import tarfile
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, features

from alexprep.decode import decode
from alexprep.errors import ImageError
from tests.alexprep.pictures import (
    LIMIT,
    encode,
    exif,
    jpeg,
    levels,
    photo,
    segment,
    with_segment,
)


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


OTHERS = ["PNG", "GIF", "WebP", "BMP", "TIFF", "PPM"]


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


def test_orientation_is_not_applied():
    data = jpeg(60, 20, exif=exif(orientation=6))
    found, notes = pixels(data)
    assert np.array_equal(found, levels(jpeg(60, 20)))
    assert notes == ()


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


# Flaws of JPEG files


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


# EXIF


def entry(tag, kind, count, value):
    return struct.pack("<HHII", tag, kind, count, value)


def tiff(*entries, offset=8, count=None):
    head = b"II*\0" + struct.pack("<I", offset)
    return head + struct.pack("<H", count or len(entries)) + b"".join(entries) + bytes(4)


CORRUPT = {
    "empty": b"",
    "no TIFF header": b"abcdefgh" * 4,
    "directory outside": tiff(offset=4000),
    "more entries than there are": tiff(entry(0x112, 3, 1, 1), count=40),
    "value outside": tiff(entry(0x10F, 2, 100, 5000)),
    "sub-directory outside": tiff(entry(0x8769, 4, 1, 5000)),
    "directories in a circle": tiff(entry(0x8769, 4, 1, 8)),
}
SOUND = {
    "orientation": tiff(entry(0x112, 3, 1, 6)),
    "value in place": tiff(entry(0x10F, 2, 12, 8)),
    "big end first": b"MM\0*" + struct.pack(">IHHHI", 8, 1, 0x112, 3, 1) + bytes(8),
    "unknown type": tiff(entry(0x112, 99, 1 << 30, 0)),
}


@pytest.mark.parametrize("content", CORRUPT.values(), ids=CORRUPT)
def test_corrupt_exif_is_counted_and_costs_nothing(content):
    for data in (jpeg(), with_segment(jpeg(), 0xFE, b"a comment, before it")):
        found, notes = pixels(with_segment(data, 0xE1, b"Exif\0\0" + content))
        assert np.array_equal(found, levels(jpeg()))
        assert notes == ("repaired: corrupt EXIF",)


@pytest.mark.parametrize("content", SOUND.values(), ids=SOUND)
def test_sound_exif_is_not_mentioned(content):
    assert pixels(with_segment(jpeg(), 0xE1, b"Exif\0\0" + content))[1] == ()


def test_corrupt_exif_is_noted_beside_other_flaws():
    data = with_segment(jpeg()[:-2], 0xE1, b"Exif\0\0")
    assert pixels(data)[1] == ("repaired: corrupt EXIF", "repaired: missing end marker")


# Whatever the bytes


def damaged(data, draw):
    """The file with some bytes changed, cut out, or doubled."""
    array = bytearray(data)
    for _ in range(int(draw.integers(1, 6))):
        place = int(draw.integers(0, len(array)))
        kind = int(draw.integers(0, 4))
        if kind == 0:
            array[place] = int(draw.integers(0, 256))
        elif kind == 1:
            array[place : place + 2] = b"\xff" + bytes([int(draw.integers(0, 256))])
        elif kind == 2:
            del array[place : place + int(draw.integers(1, 40))]
        else:
            array[place:place] = array[place : place + int(draw.integers(1, 40))]
    return bytes(array)


def kinds_of_files():
    yield from (jpeg(40, 30, **options, exif=exif()) for options in JPEGS.values())
    yield encode(photo(40, 30).convert("CMYK"), "JPEG")
    yield from (encode(photo(40, 30), name) for name in OTHERS)
    yield encode(photo(40, 30).convert("P"), "PNG", transparency=3)
    if features.check("libtiff"):
        yield encode(photo(40, 30), "TIFF", compression="tiff_lzw")
    yield gzip.compress(jpeg(40, 30))


def try_damaged_files(seed, times):
    outcomes = {"picture": 0, "error": 0}
    for number, data in enumerate(kinds_of_files()):
        draw = np.random.default_rng([seed, number])
        for _ in range(times):
            try:
                pixels(damaged(data, draw), limit=1_000_000)
                outcomes["picture"] += 1
            except ImageError as error:
                outcomes["error"] += bool(str(error))
    return outcomes


def test_damaged_files_give_a_picture_or_a_reason():
    outcomes = try_damaged_files(seed=0, times=25)
    assert min(outcomes.values()) > 40


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 9))
def test_many_damaged_files_give_a_picture_or_a_reason(seed):
    try_damaged_files(seed, times=600)


# Real files

NOT_DECODED = {
    "libjpeg-turbo-monkey12.jpg": "damaged data (Unsupported JPEG data precision 12)",
    "manifest.tsv": "not an image (text)",
    "pillow-tests-dummy.container": "not an image (text)",
    "pillow-tests-hopper_bad_exif.jpg": "damaged data (1214 extraneous bytes before marker 0xd0)",
    "pillow-tests-ultrahdr.jpg": "pixels are missing",
    "twelvemonkeys-513f29d0-02a8-11e7-9756-6035edb96e79.jpg": "without a readable header",
    "twelvemonkeys-5145e95a-02a8-11e7-8372-4787a7307ab8.jpg": "not an image of a known format",
    "twelvemonkeys-514c48ea-02a8-11e7-8789-bb75321f404f.jpg": "without a readable header",
    "twelvemonkeys-515e763c-02a8-11e7-85fb-573b41201f05.jpg": "without a readable header",
    "twelvemonkeys-broken-adobe-marker-bad-length.jpg": "without a readable header",
    "twelvemonkeys-broken-bogus-segment-length.jpg": "Bogus marker length",
    "twelvemonkeys-broken-no-sof-ascii-transfer-mode.jpg": "without a readable header",
    "twelvemonkeys-gradient_ls_pt.jpg": "damaged data",
}
REPAIRED = {
    "pillow-tests-icc-after-SOF.jpg": "damaged header",
    "pillow-tests-jfif_unit_cm.jpg": "corrupt EXIF",
    "pillow-tests-junk_jpeg_header.jpg": "damaged header",
    "pillow-tests-photoshop-200dpi-broken.jpg": "damaged header",
    "pillow-tests-truncated_exif_dpi.jpg": "corrupt EXIF",
    "pillow-tests-truncated_jpeg.jpg": "missing end marker",
    "twelvemonkeys-R-7439-1151526181.jpeg": "trailing bytes",
    "twelvemonkeys-exif-empty-icc-profile.jpeg": "damaged header",
    "twelvemonkeys-exif-with-interop-subdir-eof.jpg": "corrupt EXIF",
    "twelvemonkeys-gray-sample.jpg": "trailing bytes",
    "twelvemonkeys-invalid-icc-duplicate-sequence-numbers-rgb-internal-kodak-srgb-jfif.jpg": (
        "damaged header"
    ),
    "twelvemonkeys-jfif-cmyk-invalid-icc-profile-srgb.jpg": "trailing bytes",
}
PILLOW_CANNOT = {"twelvemonkeys-f-18.jpg", "twelvemonkeys-testimg_rgb.jpg"}  # lossless JPEG


def test_real_awkward_files_give_pillows_levels_or_a_reason(shared_data):
    seen = 0
    with tarfile.open(shared_data / "awkward.tar") as archive:
        for member in archive:
            if not member.isfile():
                continue
            name = member.name.split("/")[-1]
            data = archive.extractfile(member).read()
            seen += 1
            if name in NOT_DECODED:
                assert NOT_DECODED[name] in reason(data), name
                continue
            found, notes = pixels(data)
            assert [note for note in notes if note.startswith("repaired")] == (
                [f"repaired: {REPAIRED[name]}"] if name in REPAIRED else []
            ), name
            if name in PILLOW_CANNOT or REPAIRED.get(name) == "missing end marker":
                continue
            if data.startswith(b"\xff\xd8"):
                expected = jpeg_levels_by_pillow(data)
                assert np.array_equal(found, expected), name
    assert seen == 87


def jpeg_levels_by_pillow(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata
        return levels(data)


def test_real_originals_are_all_pictures(shared_data):
    notes = {}
    with tarfile.open(shared_data / "imagenet-originals.tar") as archive:
        for member in archive:
            if member.isfile():
                data = archive.extractfile(member).read()
                found, given = pixels(data)
                assert np.array_equal(found, levels(data)), member.name
                notes[given] = notes.get(given, 0) + 1
    assert notes == {(): 210, ("converted: grayscale",): 10}
