"""Statistics of prepared images: one parallel pass over the stored bytes of the shards."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from alexprep.errors import ShardError
from alexprep.moments import Moments, MomentSums
from alexprep.shards.manifest import ShardRecord
from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import Statistics

_TICK = 0.2  # seconds between two reports of progress
_MEND = "run the same `alexprep shard` command again with --recheck to make it anew"


@dataclass
class _Pass:
    """One pass over shards: what its threads share."""

    images: list[int] = field(default_factory=list)  # seen so far, one number for each shard
    stop: threading.Event = field(default_factory=threading.Event)


def measure(
    directory: Path,
    splits: Sequence[str] = ("train",),
    jobs: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Statistics:
    """Sum all prepared images of some splits; every shard's SHA-256 is checked on the way.

    Threads, not processes: decoding, adding and hashing release Python's lock, and nothing has to
    be started or sent.

    Args:
        directory: A finished set of shards.
        splits: The splits to measure together.
        jobs: Threads; None for one a core that this process may use.
        on_progress: Hears the number of images done since it was last called, in the calling
            thread, several times a second.

    Returns:
        The statistics: the same bits for any number of jobs.

    Raises:
        ShardError: the shards are unfinished, changed, damaged, or hold no image in these splits.
    """
    readers = [ShardReader(directory, split) for split in dict.fromkeys(splits)]
    count = sum(map(len, readers))
    if not count:
        raise ShardError(f"{directory}: {' and '.join(splits)} holds no image to measure")
    shared = _Pass()
    with ThreadPoolExecutor(jobs or usable_cores()) as pool:
        try:
            total = _add_up(_start(pool, shared, readers), shared, on_progress)
        finally:
            # Without this, Ctrl-C or a damaged shard would wait for all shards still to come.
            shared.stop.set()
            pool.shutdown(cancel_futures=True)
    return Statistics(
        count=total.count,
        pixel_sum=total.pixel_sum,
        outer_sum=total.outer_sum,
        fingerprint=readers[0].manifest.fingerprint,
        split="+".join(reader.split for reader in readers),
    )


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _start(
    pool: ThreadPoolExecutor, shared: _Pass, readers: Sequence[ShardReader]
) -> set[Future[Moments]]:
    futures = set()
    for reader in readers:
        first = 0
        for record in reader.manifest.of(reader.split):
            numbers = range(first, first + record.samples)
            shared.images.append(0)
            place = len(shared.images) - 1
            futures.add(pool.submit(_sum_shard, reader, record, numbers, shared, place))
            first = numbers.stop
    return futures


def _add_up(
    waiting: set[Future[Moments]], shared: _Pass, on_progress: Callable[[int], None] | None
) -> Moments:
    total: Moments | None = None
    told = 0
    while waiting:
        done, waiting = wait(waiting, timeout=_TICK, return_when=FIRST_COMPLETED)
        for future in done:
            total = future.result() if total is None else total + future.result()
        seen = sum(shared.images)
        if on_progress is not None and seen > told:
            on_progress(seen - told)
        told = seen
    assert total is not None
    return total


def _sum_shard(
    reader: ShardReader, record: ShardRecord, numbers: range, shared: _Pass, place: int
) -> Moments:
    """Sum the images of one shard, read from its first byte to its last, hashed in passing."""
    sums = MomentSums(reader.size)
    buffer = np.empty((reader.size, reader.size, 3), np.uint8)
    path = reader.folder / record.name
    digest = hashlib.sha256()
    position = 0
    with path.open("rb", buffering=0) as file:
        for number in numbers:
            if shared.stop.is_set():
                break
            size = int(reader.index.sizes[number])
            end = int(reader.index.offsets[number]) + size
            data = file.read(end - position)
            digest.update(data)
            position = end
            sums.add(_decode(data[-size:], reader, number, buffer))
            shared.images[place] += 1
        else:
            digest.update(file.read())
            if digest.hexdigest() != record.sha256:
                raise ShardError(
                    f"{path}: was changed after it was written (sha256 "
                    f"{digest.hexdigest()[:16]}, the manifest says {record.sha256[:16]}); {_MEND}"
                )
    return sums.moments()


def _decode(
    data: bytes, reader: ShardReader, number: int, buffer: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Decode one stored image to uint8 RGB [S, S, 3], into `buffer` where that is possible."""
    try:
        image = _pixels(data, reader.extension, buffer)
    except (ValueError, OSError, SyntaxError) as error:
        raise ShardError(
            f"{reader.describe(number)}: does not decode ({error}); {_MEND}"
        ) from error
    if image.shape != buffer.shape:
        found = "x".join(map(str, image.shape[:2]))
        raise ShardError(f"{reader.describe(number)}: is {found}, not {reader.size}x{reader.size}")
    return image


def _pixels(data: bytes, extension: str, buffer: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if extension == "jpg":
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, buffer=buffer)
        return pixels
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB"))
