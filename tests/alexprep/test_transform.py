"""From source bytes to a square, and to the bytes that a shard stores."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from alexprep.images import decode_jpeg, transform
from alexprep.images.transform import codec, encode, prepare, square, square_array
from alexprep.settings import FILTERS, GEOMETRIES, PrepSettings
from tests.alexprep.pictures import encode as encode_file
from tests.alexprep.pictures import jpeg, levels, photo


@pytest.mark.parametrize("sides", [(20, 17), (5000, 2), (2, 5000), (1, 1), (256, 256)])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_every_picture_becomes_a_square_of_the_size(sides, geometry):
    found = square_array(jpeg(*sides), PrepSettings(size=64, geometry=geometry))
    assert found.shape == (64, 64, 3)
    assert found.dtype == np.uint8


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("filter_", FILTERS)
def test_a_large_picture_has_the_levels_that_it_would_have_in_one_piece(
    monkeypatch, geometry, filter_
):
    settings = PrepSettings(size=96, geometry=geometry, filter=filter_)
    files = [jpeg(331, 237), jpeg(90, 411), jpeg(96, 96), jpeg(80, 200, quality=70)]
    whole = [square_array(data, settings) for data in files]
    monkeypatch.setattr(decode_jpeg, "LARGE", 0)
    monkeypatch.setattr(transform, "_STRIP", 7000)
    for data, expected in zip(files, whole, strict=True):
        assert np.array_equal(square_array(data, settings), expected)


def test_a_square_is_one_resize_call_with_the_box_and_the_filter():
    data = jpeg(333, 250)
    with Image.open(io.BytesIO(data)) as image:
        for name in FILTERS:
            resample = Image.Resampling[name.upper()]
            # the offset is 41.5, rounded to even
            expected = image.resize((250, 250), resample, box=(42, 0, 292, 250))
            found = square_array(data, PrepSettings(size=250, filter=name))
            assert np.array_equal(found, np.asarray(expected))


def test_bytes_are_those_of_pillow_for_the_same_levels():
    for subsampling, quality in (("4:2:0", 95), ("4:4:4", 80), ("4:2:2", 60)):
        settings = PrepSettings(size=64, quality=quality, subsampling=subsampling)
        for data in (
            jpeg(),
            encode_file(photo(), "PNG"),
            encode_file(photo().convert("L"), "JPEG"),
        ):
            image, _ = square(data, settings)
            plain = Image.fromarray(np.asarray(image))
            expected = encode_file(plain, "JPEG", quality=quality, subsampling=subsampling)
            assert prepare(data, settings)[0] == expected
            assert encode(image, settings) == expected


def test_png_keeps_every_level():
    settings = PrepSettings(size=64, format="png")
    prepared, _ = prepare(jpeg(), settings)
    assert prepared.startswith(b"\x89PNG")
    assert np.array_equal(levels(prepared), square_array(jpeg(), settings))


def test_nothing_of_the_sources_metadata_is_stored():
    for format_ in ("GIF", "PNG", "TIFF"):
        text = PngInfo()
        text.add_text("comment", "secret")
        options = {"GIF": {"comment": b"secret"}, "PNG": {"pnginfo": text, "dpi": (9, 9)}}
        data = encode_file(photo(), format_, **options.get(format_, {"dpi": (9, 9)}))
        for settings in (PrepSettings(size=32), PrepSettings(size=32, format="png")):
            prepared, _ = prepare(data, settings)
            assert b"secret" not in prepared
            assert b"pHYs" not in prepared
            with Image.open(io.BytesIO(prepared)) as image:
                assert {"comment", "dpi", "exif", "icc_profile"}.isdisjoint(image.info)
    settings = PrepSettings(size=32)
    assert prepare(jpeg(comment=b"secret"), settings)[0] == prepare(jpeg(), settings)[0]


def test_notes_of_decoding_are_handed_on():
    data = encode_file(photo().convert("L"), "PNG")
    for function in (prepare, square):
        assert function(data, PrepSettings())[1] == ("converted: PNG", "converted: grayscale")


def test_the_codec_names_the_library_of_its_format_and_probes_it():
    assert set(codec()) == {"pillow", "simd", "simplejpeg", "libjpeg", "probe"}
    assert set(codec("png")) == {"pillow", "simd", "simplejpeg", "zlib", "probe"}
    assert codec()["probe"] != codec("png")["probe"]


def test_the_probe_hears_of_another_decoder(monkeypatch):
    before = codec()["probe"]
    pixels = decode_jpeg._pixels

    def other(*arguments, **options):
        return pixels(*arguments, **options).point(lambda level: min(255, level + 1))

    monkeypatch.setattr(decode_jpeg, "_pixels", other)
    codec.cache_clear()
    try:
        assert codec()["probe"] != before
    finally:
        codec.cache_clear()


MEASURE = """
import sys
from alexprep.settings import PrepSettings
from alexprep.images.transform import codec, prepare

def status(name):
    with open("/proc/self/status") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))

codec()
before = status("VmRSS")
with open(sys.argv[1], "rb") as file:
    prepare(file.read(), PrepSettings())
print(status("VmHWM") - before)
"""


def peak_bytes(path):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.parametrize(
    ("sides", "megabytes"),
    [
        ((3300, 2400), 56),
        pytest.param((6532, 4899), 200, marks=pytest.mark.soak),
    ],
)
def test_a_large_progressive_jpeg_stays_within_the_memory_bound(tmp_path, sides, megabytes):
    # Coefficients of 4:2:0 take 3 bytes a pixel, levels 3 more; a copy to 4 bytes would show.
    image = photo(600, 450).resize(sides)
    path = tmp_path / "large.jpg"
    image.save(path, quality=88, progressive=True)
    assert peak_bytes(path) < megabytes * 1_000_000
