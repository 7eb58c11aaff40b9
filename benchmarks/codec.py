"""The work that nothing can save, alone in memory with all cores busy: what the rest is held to."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import simplejpeg

from alexprep.images.transform import prepare
from alexprep.settings import PrepSettings
from alexprep.shards.reader import ShardReader
from benchmarks.timing import Measurement

CHUNK = 50  # images handed out at a time, so that no core waits long for the other at the end
_IMAGES: list[bytes] = []


@contextmanager
def preparing(images: Sequence[bytes], processes: int, count: int) -> Iterator[Measurement]:
    """Yield a measure of decoding, resizing and encoding in memory: images a second.

    Args:
        images: Raw files, taken in turn.
        processes: That work at the same time, started beforehand.
        count: Images of one measurement.
    """
    # Forked children share the images; a fork is safe here, where no thread was started yet
    context = multiprocessing.get_context("fork")
    _IMAGES[:] = images
    with context.Pool(processes) as pool:

        def rate() -> float:
            begin = time.perf_counter()
            done = sum(pool.imap_unordered(_prepare, range(0, count, CHUNK)))
            return done / (time.perf_counter() - begin)

        pool.map(_prepare, range(processes))  # imports and first touches
        yield rate


def _prepare(start: int) -> int:
    settings = PrepSettings()
    for number in range(start, start + CHUNK):
        prepare(_IMAGES[number % len(_IMAGES)], settings)
    return CHUNK


def decoding(shards: Path, threads: int, count: int) -> Measurement:
    """Return a measure of decoding stored images in memory: images a second.

    Args:
        shards: Their train split is read beforehand, `count` images of it at most.
        threads: That decode at the same time, each into a buffer of its own.
        count: Images of one measurement, taken in turn.
    """
    reader = ShardReader(shards, "train")
    images = [reader.read(number) for number in range(min(len(reader), 4000))]
    reader.close()
    size = reader.size

    def decode(first: int) -> int:
        buffer = np.empty((size, size, 3), np.uint8)
        numbers = range(first, count, threads)
        for number in numbers:
            simplejpeg.decode_jpeg(images[number % len(images)], "RGB", buffer=buffer)
        return len(numbers)

    def rate() -> float:
        with ThreadPoolExecutor(threads) as pool:
            begin = time.perf_counter()
            done = sum(pool.map(decode, range(threads)))
            return done / (time.perf_counter() - begin)

    return rate
