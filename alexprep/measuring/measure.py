"""Statistics of prepared images: one parallel pass over the stored bytes of the shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import ShardError
from alexprep.measuring.moments import Moments
from alexprep.measuring.shard_moments import sum_shard
from alexprep.records.record import part
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index
from alexprep.shards.manifest import ShardRecord
from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import Statistics
from alexprep.threads import Beat, in_threads


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
    for moments in in_threads(_sum, shards, jobs, on_progress):
        total += moments
    return statistics_of(
        total, readers[0].manifest.fingerprint, [reader.split for reader in readers]
    )


def statistics_of(total: Moments, fingerprint: str, splits: Sequence[str]) -> Statistics:
    """Return what follows from the moments of these splits of the set with this fingerprint."""
    return Statistics(
        count=total.count,
        pixel_sum=total.pixel_sum,
        outer_sum=total.outer_sum,
        fingerprint=fingerprint,
        split="+".join(splits),
    )


class _Shard(NamedTuple):
    folder: Path
    record: ShardRecord
    places: Index  # of this shard alone
    settings: PrepSettings


def _shards(reader: ShardReader) -> Iterator[_Shard]:
    keys = reader.index.keys()
    for number, record in enumerate(reader.manifest.of(reader.split)):
        own = part(reader.index, keys, number)
        yield _Shard(reader.folder, record, own, reader.manifest.settings)


def _sum(shard: _Shard, beat: Beat) -> Moments:
    return sum_shard(*shard, beat)
