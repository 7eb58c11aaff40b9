"""The moments of a split whose shards have just been made: kept ones are read, the rest decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from alexprep.measuring.moments import Moments
from alexprep.measuring.shard_moments import load_moments, moments_name, save_moments, sum_shard
from alexprep.planning.plan import Task
from alexprep.records.record import Record
from alexprep.settings import PrepSettings
from alexprep.shards.manifest import WORK
from alexprep.threads import Beat, in_threads


def collect(
    target: Path,
    pairs: Iterable[tuple[Task, Record]],
    settings: PrepSettings,
    jobs: int,
    on_total: Callable[[int], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Moments:
    """Add up the moments of shards.

    The workers left those of the shards that they made. A shard without (it was made by a run
    that wanted no statistics) is decoded once, and its moments are kept for a run that continues.

    Args:
        target: The set, every shard in it.
        pairs: Tasks with their records.
        settings: Of the set.
        jobs: Threads.
        on_total: Hears, where there is something to decode, how many images.
        on_progress: Hears how many were decoded since it was last called.

    Raises:
        ShardError: a shard that has to be decoded was changed.
        DiskError: the disk is full or cannot be written.
    """
    total, left = Moments.none(settings.size), []
    for task, record in pairs:
        kept = load_moments(target / WORK / moments_name(task), record.shard, settings.size)
        if kept is None:
            left.append((task, record))
        else:
            total += kept

    def decode(pair: tuple[Task, Record], beat: Beat) -> Moments:
        task, record = pair
        moments = sum_shard(target, record.shard, record.index, settings, beat)
        save_moments(target / WORK / moments_name(task), moments, record.shard)
        return moments

    if left and on_total is not None:
        on_total(sum(record.shard.samples for _, record in left))
    for moments in in_threads(decode, left, jobs, on_progress):
        total += moments
    return total
