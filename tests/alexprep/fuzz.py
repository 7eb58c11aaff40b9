"""Run as a program of its own by tests: damaged files through the whole path to the prepared image.

python -m tests.alexprep.fuzz SEED TIMES [ARCHIVE] damages generated files, or those of a tar, and
tells, as JSON, how many gave a picture or a reason, the slowest in seconds, and how much the
memory grew at its peak, in MB. A crash is its exit status; a file that takes longer than
LIMIT_SECONDS ends it by SIGALRM.
"""

import gzip
import json
import resource
import signal
import sys
import tarfile
import time

import numpy as np
from PIL import Image, features

from alexprep.errors import ImageError
from alexprep.images.transform import prepare, square_array
from alexprep.settings import PrepSettings
from tests.alexprep.pictures import JPEGS, OTHERS, encode, exif, jpeg, photo

LIMIT_SECONDS = 20  # of the clock: a busy machine is no failure
SETTINGS = PrepSettings(size=32, max_pixels=1_000_000, exif_transpose=True)


def kinds_of_files():
    yield from (jpeg(40, 30, **options, exif=exif()) for options in JPEGS.values())
    yield encode(photo(40, 30).convert("CMYK"), "JPEG")
    yield encode(photo(40, 30).convert("L"), "JPEG", progressive=True)
    yield from (encode(photo(40, 30), name) for name in OTHERS)
    yield encode(photo(40, 30).convert("P"), "PNG", transparency=3)
    yield encode(photo(40, 30).convert("RGBA"), "WebP")
    yield encode(photo(40, 30).convert("P"), "BMP")
    deep = np.arange(1200, dtype=np.uint16).reshape(30, 40) * 50
    yield encode(Image.fromarray(deep), "PNG")
    yield encode(Image.fromarray(deep), "TIFF")
    yield encode(photo(40, 30), "GIF", save_all=True, append_images=[photo(40, 30, 1)])
    if features.check("libtiff"):
        yield encode(photo(40, 30), "TIFF", compression="tiff_lzw")
        yield encode(photo(40, 30), "TIFF", compression="jpeg")
    yield gzip.compress(jpeg(40, 30))


def files_of(archive):
    with tarfile.open(archive) as tar:
        for member in tar:
            if 0 < member.size < 50_000:
                yield tar.extractfile(member).read()


def damaged(data, other, draw):
    """The file with some bytes changed, cut out, doubled, or put in place of another file's."""
    array = bytearray(data)
    for _ in range(int(draw.integers(1, 6))):
        end = len(array) if draw.integers(0, 2) else min(len(array), 200)  # headers as often
        place, length = int(draw.integers(0, end)), int(draw.integers(1, 40))
        here = slice(place, place + length)
        changes = [
            (slice(place, place + 1), bytes([int(draw.integers(0, 256))])),
            (slice(place, place + 2), b"\xff" + bytes([int(draw.integers(0, 256))])),
            (here, b""),
            (slice(place, place), bytes(array[here])),
            # what a length or a side becomes in the worst case
            (slice(place, place + 4), (b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff")[length % 3]),
            (here, other[here]),
            (slice(max(place, 1), None), b""),
        ]
        where, what = changes[int(draw.integers(0, len(changes)))]
        array[where] = what
        if not array:
            break
    return bytes(array)


def attempt(data):
    """Prepare one damaged file; "picture" or "reason"."""
    try:
        squared = square_array(data, SETTINGS)
        prepared, notes = prepare(data, SETTINGS)
    except ImageError as error:
        return "reason" if str(error) else "no word"
    assert (squared.shape, squared.dtype) == ((32, 32, 3), np.uint8)
    assert prepared.startswith(b"\xff\xd8")
    assert all(note.startswith(("converted: ", "repaired: ")) for note in notes)
    return "picture"


def main():
    seed, times = map(int, sys.argv[1:3])
    files = [*files_of(sys.argv[3])] if sys.argv[3:] else [*kinds_of_files()]
    for data in files:
        assert attempt(data) == "picture" or sys.argv[3:]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found, slowest = {"picture": 0, "reason": 0}, 0.0
    for number, data in enumerate(files):
        draw = np.random.default_rng([seed, number])
        for _ in range(times):
            begun = time.monotonic()
            signal.alarm(LIMIT_SECONDS)
            found[attempt(damaged(data, files[number - 1], draw))] += 1
            signal.alarm(0)
            slowest = max(slowest, time.monotonic() - begun)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    sys.stdout.write(json.dumps(found | {"slowest": slowest, "grown": grown}))


if __name__ == "__main__":
    main()
