"""Statistics of prepared images: one parallel pass over the stored bytes of the shards."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from alexprep.errors import ShardError
from alexprep.moments import Moments, MomentSums
from alexprep.shards.manifest import ShardRecord
from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import Statistics
from alexprep.threads import Beat, in_threads

_MEND = "run the same `alexprep shard` command again with --recheck to make it anew"


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
    shards = [shard for reader in readers for shard in _shards(reader)]
    total = Moments.none(readers[0].size)
    for moments in in_threads(_sum_shard, shards, jobs, on_progress):
        total += moments
    return Statistics(
        count=total.count,
        pixel_sum=total.pixel_sum,
        outer_sum=total.outer_sum,
        fingerprint=readers[0].manifest.fingerprint,
        split="+".join(reader.split for reader in readers),
    )


class _Shard(NamedTuple):
    reader: ShardReader
    record: ShardRecord
    numbers: range  # of its samples in the split


def _shards(reader: ShardReader) -> Iterator[_Shard]:
    first = 0
    for record in reader.manifest.of(reader.split):
        numbers = range(first, first + record.samples)
        yield _Shard(reader, record, numbers)
        first = numbers.stop


def _sum_shard(shard: _Shard, beat: Beat) -> Moments:
    """Sum the images of one shard, read from its first byte to its last, hashed in passing."""
    reader, record = shard.reader, shard.record
    sums = MomentSums(reader.size)
    buffer = np.empty((reader.size, reader.size, 3), np.uint8)
    path = reader.folder / record.name
    digest = hashlib.sha256()
    position = 0
    with path.open("rb", buffering=0) as file:
        for number in shard.numbers:
            size = int(reader.index.sizes[number])
            end = int(reader.index.offsets[number]) + size
            data = file.read(end - position)
            digest.update(data)
            position = end
            sums.add(_decode(data[-size:], reader, number, buffer))
            beat(1)
        digest.update(file.read())
    if digest.hexdigest() != record.sha256:
        raise ShardError(
            f"{path}: was changed after it was written (sha256 {digest.hexdigest()[:16]}, the "
            f"manifest says {record.sha256[:16]}); {_MEND}"
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
