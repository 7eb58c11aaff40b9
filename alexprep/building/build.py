"""A plan to a finished set of shards: what is there is kept, the rest is made, manifest last."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alexprep.building import orders, standing
from alexprep.building.finish import finish
from alexprep.building.orders import ON_BAD, Listener, Run
from alexprep.building.parts import Part, hold_part, setting_up
from alexprep.errors import StatisticsError
from alexprep.images.transform import codec
from alexprep.measuring.collect import collect
from alexprep.measuring.measure import measure
from alexprep.measuring.moments import Moments
from alexprep.planning.plan import Plan
from alexprep.records.begun import Begun
from alexprep.records.record import Record
from alexprep.records.report import CONVERTED, REPAIRED, SKIPPED, Report
from alexprep.shards.manifest import MANIFEST, Manifest
from alexprep.shards.statistics import STATISTICS, Statistics
from alexprep.workers import heartbeat, workplace
from alexprep.workers.backends import DEFAULT, Backend
from alexprep.workers.heartbeat import Watch
from alexprep.workers.pool import Assignment, blame, make_shards
from alexprep.workers.worker import Job

__all__ = ["ON_BAD", "Listener", "Summary", "build"]


@dataclass(frozen=True)
class Summary:
    """What a run did, and what the set holds now."""

    written: int  # shards made by this run
    kept: int  # shards that were there
    images: int  # in the whole set
    bytes: int  # of all shards
    seconds: float  # of this run
    report: Report

    @property
    def skipped(self) -> int:
        """Bad files that the set lacks."""
        return self.report.counts[SKIPPED]

    @property
    def repaired(self) -> int:
        """Files with a flaw that cost no pixel."""
        return self.report.counts[REPAIRED]

    @property
    def converted(self) -> int:
        """Files of another colour model or format."""
        return self.report.counts[CONVERTED]

    @property
    def exit_code(self) -> int:
        """0, or 3 where bad files were skipped."""
        return self.report.exit_code


def build(  # noqa: PLR0913  # each is an option of the command
    plan: Plan,
    target: Path,
    jobs: int | None = None,
    *,
    backend: Backend = DEFAULT,
    on_bad: str = "skip",
    max_bad: int | None = None,
    recheck: bool = False,
    measured: Sequence[str] = (),
    part: Part | None = None,
    listener: Listener | None = None,
) -> Summary:
    """Make all shards of a plan, or what is missing of them.

    May be stopped at any time, by any means, and called again: finished shards are kept, and the
    bytes of every file are the same in the end. A finished set is checked against the raw set;
    shards whose sources have changed are made anew.

    Of a part, its share of the shards is made, beside other parts, and no manifest: see merge.py.

    Args:
        plan: What to make.
        target: The folder of the set: new, empty, or begun by the same plan.
        jobs: Processes; None for one a core. No byte depends on it.
        backend: Who carries the work. On a cluster the paths in the plan have to be absolute.
        on_bad: "skip" bad files and report them, or "fail" at the first.
        max_bad: More bad files than this in the whole set end the run, and leave it unfinished.
            Whether they do depends on the raw images alone; how many shards are finished by then,
            and so which bad files are named, on the jobs.
        recheck: Compare hashes of raw images and shards with what was recorded, not only sizes.
        measured: Splits whose statistics are to be made too, together, of the images as they are
            stored; none: no statistics.
        part: Which share of the shards to make; None for all of them.
        listener: For progress bars.

    Raises:
        SettingsError: jobs, on_bad or a split to measure that cannot be.
        ShardError: the folder holds something else, or a set with other settings, codec or images.
        BadFilesError: a bad file and on_bad="fail", more than max_bad, or no image at all.
        RawError: the raw set changed, or an archive is cut.
        DiskError: the disk is full, read-only, or another run holds the folder.
    """
    begun_at = time.monotonic()
    run = Run(
        plan,
        target,
        jobs=orders.count_jobs(jobs),
        backend=backend,
        fail=orders.fails(on_bad),
        measured=orders.planned(plan, measured),
        part=orders.whole(part, recheck=recheck),
        max_bad=max_bad,
        listener=listener or Listener(),
    )
    workplace.claim(target)
    with hold_part(target, part):
        with setting_up(target, part):
            begun = Begun.of(plan, codec(plan.settings.format))
            records = standing.known(run, begun)
            stale = standing.stale(run, records, recheck=recheck)
            if stale:
                standing.reopen(run, begun, records, {task.name for _, task in stale})
        if stale:
            _make(run, stale)
        if part is not None:
            made = standing.now(run) if stale else records
            return _part_summary(run, made, len(stale), time.monotonic() - begun_at)
        if stale or not (target / MANIFEST).is_file():
            found = standing.every(run)
            _check_bad(run, found)
            finish(target, plan, begun.codec, found, _moments(run, found))
        else:
            _check_bad(run, records)
            if run.measured:
                _measure_finished(run, run.measured)
        workplace.remove_work(target)
    report = Report.load(target)
    return Summary(
        written=len(stale),
        kept=len(plan.tasks) - len(stale),
        images=report.images,
        bytes=sum(shard.bytes for shard in Manifest.load(target).shards),
        seconds=time.monotonic() - begun_at,
        report=report,
    )


def _part_summary(
    run: Run, records: Sequence[Record | None], written: int, seconds: float
) -> Summary:
    own = [record for slot in run.slots if (record := records[slot]) is not None]
    images = sum(record.shard.samples for record in own)
    return Summary(
        written=written,
        kept=len(own) - written,
        images=images,
        bytes=sum(record.shard.bytes for record in own),
        seconds=seconds,
        report=Report.gather((line for record in own for line in record.outcomes), images),
    )


def _make(run: Run, missing: list[Assignment]) -> None:
    """Make shards; whatever happens, leave nothing of this run behind but finished ones."""
    slots = [slot for slot, _ in missing]
    tasks = standing.lay_out(run, [task for _, task in missing])
    stale = [Assignment(slot, task) for slot, task in zip(slots, tasks, strict=True)]
    killers = workplace.load_killers(run.target)
    suspects = workplace.left_in_work(run.target, run.owner)
    workplace.remove_runs(run.target, run.owner)
    folder = workplace.open_run(run.target, len(run.plan.tasks), run.owner)
    job = Job(run.plan.settings, run.target, folder, run.fail, run.measured, run.owner)
    try:
        blame(job, stale, suspects, killers)
        watch = Watch(folder / heartbeat.NAME, run.listener.done)
        bad = _check_bad(run, standing.now(run))
        with watch, closing(make_shards(job, stale, run.jobs, run.backend, killers)) as made:
            for shard in made:
                bad += shard.skipped
                if run.max_bad is not None and bad > run.max_bad:
                    _check_bad(run, standing.now(run))
    finally:
        workplace.remove_runs(run.target, run.owner)


def _check_bad(run: Run, records: Sequence[Record | None]) -> int:
    """Return how many files are bad in shards that there are.

    Raises:
        BadFilesError: more than the run allows.
    """
    lines = [line for record in records if record is not None for line in record.outcomes]
    report = Report.gather(lines, images=0)
    report.check_most_bad(run.target, run.max_bad)
    return report.counts[SKIPPED]


def _moments(run: Run, records: list[Record]) -> tuple[Sequence[str], Moments] | None:
    """Return the splits whose statistics are wanted, and their sums."""
    if not run.measured:
        return None
    pairs = [
        (task, record)
        for task, record in zip(run.plan.tasks, records, strict=True)
        if task.split in run.measured
    ]
    hears = (run.listener.to_measure, run.listener.measured)
    return run.measured, collect(run.target, pairs, run.plan.settings, run.jobs, *hears)


def _measure_finished(run: Run, splits: Sequence[str]) -> None:
    """Measure a set that was finished before, unless it has these statistics."""
    manifest, path = Manifest.load(run.target), run.target / STATISTICS
    try:
        if Statistics.load(path, manifest.fingerprint).split == "+".join(splits):
            return
    except StatisticsError:
        pass  # missing, damaged, or of the shards before: made anew
    if run.listener.to_measure is not None:
        run.listener.to_measure(sum(map(manifest.samples, splits)))
    measure(run.target, splits, run.jobs, run.listener.measured).save(path)
