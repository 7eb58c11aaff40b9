"""What each bad file gets: skipped and named, repaired, or converted."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.conftest import jpeg_bytes, smooth_image

from .commands import outcomes, shard

# bad files are skipped and named; flawed ones repaired; others converted


def whole_jpeg():
    return jpeg_bytes(smooth_image(5, 90, 80))


def in_format(kind, mode, **options):
    buffer = io.BytesIO()
    image = Image.fromarray(smooth_image(6, 90, 80)).convert(mode)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def deep_gray():
    buffer = io.BytesIO()
    levels = np.arange(90 * 80, dtype=np.uint16).reshape(80, 90) * 9
    Image.fromarray(levels).save(buffer, "PNG")
    return buffer.getvalue()


BAD = {
    "empty file": b"",
    "not an image (text)": b"this is no image\n",
    "pixels are missing": whole_jpeg()[:-900] + b"\xff\xd9",
    "not an image of a known format": b"\x00\x01\x02\x03" * 50,
    "more than --max-pixels": jpeg_bytes(smooth_image(7, 400, 300)),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_file_is_skipped_named_and_status_3(copy, reason):
    (copy / "raw/train/cat/bad.JPEG").write_bytes(BAD[reason])
    shard(copy / "raw", copy / "new", "--max-pixels", 100_000, status=3)
    row = outcomes(copy / "new")["bad.JPEG"]
    assert row["done"] == "skipped"
    assert reason in row["what"]
    output = shard(
        copy / "raw", copy / "other", "--max-pixels", 100_000, "--on-bad", "fail", status=1
    )
    assert "bad.JPEG" in output
    assert reason in output


FLAWED = {
    "repaired: missing end marker": whole_jpeg()[:-2],
    "repaired: trailing bytes": whole_jpeg() + b"garbage" * 9,
    "repaired: corrupt EXIF": (
        whole_jpeg()[:2] + b"\xff\xe1\x00\x10Exif\0\0" + b"II*\0\xff\xff\0\0" + whole_jpeg()[2:]
    ),
    "converted: CMYK": in_format("JPEG", "CMYK"),
    "converted: transparency on white": in_format("PNG", "RGBA"),
    "converted: palette": in_format("PNG", "P"),
    "converted: 16-bit": deep_gray(),
    "converted: grayscale": in_format("JPEG", "L"),
    "converted: PNG": in_format("PNG", "RGB"),
    "converted: GIF": in_format("GIF", "P"),
    "converted: BMP": in_format("BMP", "RGB"),
    "converted: TIFF": in_format("TIFF", "RGB"),
    "converted: WebP": in_format("WEBP", "RGB"),
}


@pytest.mark.parametrize("note", FLAWED)
def test_a_flawed_or_foreign_file_is_taken_counted_and_status_0(copy, note):
    (copy / "raw/train/cat/odd.JPEG").write_bytes(FLAWED[note])
    shard(copy / "raw", copy / "new")
    done, what = note.split(": ")
    content = json.loads((copy / "new/manifest.json").read_text())
    assert content["samples"]["train"] == 13
    row = outcomes(copy / "new")["odd.JPEG"]
    assert row["done"] == done
    assert what in row["what"].split(", ")


@pytest.mark.parametrize("sides", [(20, 17), (5000, 2)])
def test_extreme_shapes_are_resized(copy, sides):
    odd = copy / "raw/train/cat/odd.JPEG"
    odd.write_bytes(jpeg_bytes(smooth_image(8, *sides)))
    shard(copy / "raw", copy / "new")
    assert json.loads((copy / "new/manifest.json").read_text())["samples"]["train"] == 13
