"""EXIF: sound or corrupt, and never a pixel less for it."""

import struct

import numpy as np
import pytest

from tests.alexprep.pictures import (
    exif,
    jpeg,
    levels,
    pixels,
    with_segment,
)


def test_orientation_is_not_applied():
    data = jpeg(60, 20, exif=exif(orientation=6))
    found, notes = pixels(data)
    assert np.array_equal(found, levels(jpeg(60, 20)))
    assert notes == ()


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
