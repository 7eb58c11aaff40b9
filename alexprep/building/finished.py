"""A finished set met again by the same command: which of its shards are to be made anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from alexprep.errors import ImageError, ShardError
from alexprep.files import sha256_file
from alexprep.planning.plan import Plan, Task
from alexprep.raw.source import UNKNOWN_SIZE, Source, read_source, shown
from alexprep.records.begun import other_images
from alexprep.records.record import Record, origin, part, skipped_by_file
from alexprep.records.report import Outcome, Report
from alexprep.shards.index import Index
from alexprep.shards.manifest import Manifest
from alexprep.threads import Beat, in_threads

_STALE = "stale"  # no origin is that


def restore(target: Path, manifest: Manifest, plan: Plan) -> list[Record]:
    """Return the records of a finished set, one for each task of the plan.

    A record whose sources have other sizes than planned gets an origin that no task has.

    Raises:
        ShardError: the set was made from other raw images, or its index or report is damaged.
    """
    report = Report.load(target)
    if [shard.name for shard in manifest.shards] != [f"{task.name}.tar" for task in plan.tasks]:
        raise ShardError(other_images(target, _planned(manifest), plan.samples()))
    records: list[Record] = []
    for split in manifest.splits:
        index = manifest.load_index(target, split)
        outcomes = _by_file(report, split)
        keys = index.keys()
        tasks = [task for task in plan.tasks if task.split == split]
        for number, (task, shard) in enumerate(zip(tasks, manifest.of(split), strict=True)):
            lines = [
                line
                for sample in task.samples
                for line in outcomes.get(shown(sample.source.name), ())
            ]
            own = part(index, keys, number)
            if not _same_samples(task, own, lines):
                raise ShardError(other_images(target, _planned(manifest), plan.samples()))
            mark = origin(task) if _same_sizes(task, own, lines) else _STALE
            records.append(Record(shard, mark, tuple(lines), own))
    return records


def _planned(manifest: Manifest) -> int:
    return sum(shard.samples + shard.skipped for shard in manifest.shards)


def _by_file(report: Report, split: str) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for outcome in report.outcomes:
        if outcome.split == split:
            found.setdefault(outcome.file, []).append(outcome)
    return found


def _same_samples(task: Task, index: Index, lines: Sequence[Outcome]) -> bool:
    skipped = skipped_by_file(lines)
    kept = [sample for sample in task.samples if shown(sample.source.name) not in skipped]
    return [sample.key for sample in kept] == index.keys() and np.array_equal(
        [sample.label for sample in kept], index.labels
    )


def _same_sizes(task: Task, index: Index, lines: Sequence[Outcome]) -> bool:
    skipped = skipped_by_file(lines)
    stored = iter(index.source_sizes.tolist())
    recorded = (
        skipped[name].size if (name := shown(sample.source.name)) in skipped else next(stored)
        for sample in task.samples
    )
    return all(
        sample.source.size in (size, UNKNOWN_SIZE)
        for sample, size in zip(task.samples, recorded, strict=True)
    )


def usable(target: Path, task: Task, record: Record | None) -> bool:
    """Tell whether a recorded shard may stand: same sources by size, its file there in full."""
    if record is None or record.origin != origin(task):
        return False
    path = target / record.shard.name
    return path.is_file() and path.stat().st_size == record.shard.bytes


def recheck(
    target: Path,
    pairs: Iterable[tuple[Task, Record]],
    jobs: int,
    on_progress: Callable[[int], None] | None = None,
) -> set[str]:
    """Return the names of tasks whose sources or shard have other bytes than were recorded.

    Args:
        target: The set.
        pairs: Tasks with their records.
        jobs: Threads.
        on_progress: Hears how many raw images were hashed since it was last called.
    """

    def changed(pair: tuple[Task, Record], beat: Beat) -> str | None:
        task, record = pair
        hashes = record.hashes(task)
        for sample in task.samples:
            if _hash(sample.source) != hashes[sample.source.name]:
                return task.name
            beat(1)
        same = sha256_file(target / record.shard.name) == record.shard.sha256
        return None if same else task.name

    found = in_threads(changed, list(pairs), jobs, on_progress)
    return {name for name in found if name is not None}


def _hash(source: Source) -> str:
    try:
        return hashlib.sha256(read_source(source)).hexdigest()
    except ImageError:
        return ""
