"""Damaged files of all kinds: a picture or a reason, whatever the bytes."""

import gzip

import numpy as np
import pytest
from PIL import features

from alexprep.errors import ImageError
from tests.alexprep.pictures import (
    JPEGS,
    OTHERS,
    encode,
    exif,
    jpeg,
    photo,
    pixels,
)


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
