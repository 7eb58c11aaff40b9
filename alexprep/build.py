"""A plan to a finished set of shards: what is there is kept, the rest is made, manifest last."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alexprep import finished, heartbeat, workplace
from alexprep.backends import DEFAULT, Backend
from alexprep.begun import Begun, check_continues, check_same
from alexprep.collect import collect
from alexprep.errors import SettingsError, ShardError, StatisticsError
from alexprep.files import disk_errors, write_atomically
from alexprep.finish import finish
from alexprep.heartbeat import Watch
from alexprep.laid import laid_out
from alexprep.measure import measure
from alexprep.moments import Moments
from alexprep.outline import Outline
from alexprep.parts import Part, hold_part, setting_up
from alexprep.plan import Plan, Task
from alexprep.pool import Assignment, blame, make_shards
from alexprep.record import Record, record_name
from alexprep.report import CONVERTED, REPAIRED, SKIPPED, Report
from alexprep.shards.manifest import MANIFEST, WORK, Manifest
from alexprep.shards.statistics import STATISTICS, Statistics
from alexprep.threads import usable_cores
from alexprep.transform import codec
from alexprep.worker import Job

ON_BAD = ("skip", "fail")


@dataclass(frozen=True)
class Listener:
    """Who hears of progress; each may be left out. The calls may come from another thread."""

    kept: Callable[[int], None] | None = None  # once: images in shards that are kept
    checked: Callable[[int], None] | None = None  # raw images hashed again since the last time
    done: Callable[[int], None] | None = None  # images done since the last time
    to_lay: Callable[[int], None] | None = None  # once: raw images that are laid out, see laid.py
    laid: Callable[[int], None] | None = None  # of these since the last time
    to_measure: Callable[[int], None] | None = None  # once: images that are decoded for statistics
    measured: Callable[[int], None] | None = None  # of these since the last time


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
    run = _Run(
        plan,
        target,
        jobs=_count_jobs(jobs),
        backend=backend,
        fail=_fails(on_bad),
        measured=_planned(plan, measured),
        part=_whole(part, recheck=recheck),
        max_bad=max_bad,
        listener=listener or Listener(),
    )
    workplace.claim(target)
    with hold_part(target, part):
        with setting_up(target, part):
            begun = Begun.of(plan, codec(plan.settings.format))
            records = _known(run, begun)
            stale = _stale(run, records, recheck=recheck)
            if stale:
                _reopen(run, begun, records, {task.name for _, task in stale})
        if stale:
            _make(run, stale)
        if part is not None:
            made = _standing(run) if stale else records
            return _part_summary(run, made, len(stale), time.monotonic() - begun_at)
        if stale or not (target / MANIFEST).is_file():
            found = _records(run)
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


@dataclass(frozen=True)
class _Run:
    plan: Plan
    target: Path
    jobs: int
    backend: Backend
    fail: bool  # the first bad file ends the run
    measured: tuple[str, ...]  # the splits whose statistics are made
    max_bad: int | None  # more of them end it
    part: Part | None  # the share of the shards that is made
    listener: Listener

    @property
    def owner(self) -> str:
        return "" if self.part is None else self.part.owner

    @property
    def slots(self) -> list[int]:
        """Places in the plan of the shards that this run is to make."""
        every = range(len(self.plan.tasks))
        return [slot for slot in every if self.part is None or self.part.has(slot)]


def _whole(part: Part | None, *, recheck: bool) -> Part | None:
    if part is not None and recheck:
        raise SettingsError("a part cannot be rechecked; merge the parts, and recheck the whole")
    return part


def _count_jobs(jobs: int | None) -> int:
    if jobs is not None and jobs < 1:
        raise SettingsError(f"jobs must be 1 or more; got {jobs}")
    return jobs or usable_cores()


def _fails(on_bad: str) -> bool:
    if on_bad not in ON_BAD:
        raise SettingsError(f"on-bad must be skip or fail; got {on_bad!r}")
    return on_bad == "fail"


def _planned(plan: Plan, measured: Sequence[str]) -> tuple[str, ...]:
    splits = dict.fromkeys(task.split for task in plan.tasks)
    for split in measured:
        if split not in splits:
            raise SettingsError(
                f"statistics of {split} are wanted, and only {' and '.join(splits)} is prepared; "
                f"prepare {split} too, or name what there is with --stats-split"
            )
    return tuple(dict.fromkeys(measured))


def _known(run: _Run, begun: Begun) -> list[Record | None]:
    """Return for each task the record of what is there, of a finished or an unfinished set."""
    if (run.target / MANIFEST).is_file():
        manifest = Manifest.load(run.target)
        check_same(run.target, begun, manifest.settings, manifest.codec)
        if run.part is None:
            workplace.remove_work(run.target)  # of a run that ended before it cleaned up
        return [*finished.restore(run.target, manifest, run.plan)]
    check_continues(run.target, begun)
    return [Record.load(run.target / WORK / record_name(task)) for task in run.plan.tasks]


def _stale(run: _Run, records: list[Record | None], *, recheck: bool) -> list[Assignment]:
    """Return the tasks whose shards have to be made."""
    own = [(slot, run.plan.tasks[slot], records[slot]) for slot in run.slots]
    standing = {
        task.name: (task, record)
        for _, task, record in own
        if record is not None and finished.usable(run.target, task, record)
    }
    if recheck:
        tasks = _laid_out(run, [task for task, _ in standing.values()])
        records_of = (record for _, record in standing.values())
        pairs = list(zip(tasks, records_of, strict=True))
        for name in finished.recheck(run.target, pairs, run.jobs, run.listener.checked):
            del standing[name]
    if run.listener.kept is not None:
        run.listener.kept(sum(len(task.samples) for task, _ in standing.values()))
    return [Assignment(slot, task) for slot, task, _ in own if task.name not in standing]


def _reopen(run: _Run, begun: Begun, records: list[Record | None], stale: set[str]) -> None:
    """Make the set one that is unfinished, with records of the shards that stand."""
    if run.part is not None:
        _begin_part(run, len(stale))
    begun.save(run.target)
    work = run.target / WORK
    with disk_errors(work):
        for task, record in zip(run.plan.tasks, records, strict=True):
            if task.name in stale:
                (work / record_name(task)).unlink(missing_ok=True)
            elif record is not None and not (work / record_name(task)).is_file():
                write_atomically(work / record_name(task), record.to_bytes())
        (run.target / MANIFEST).unlink(missing_ok=True)


def _begin_part(run: _Run, stale: int) -> None:
    if (run.target / MANIFEST).is_file():
        raise ShardError(
            f"{run.target}: is finished, and {stale} of its shards would be made anew; "
            "run the command without --part"
        )
    Outline.of(run.plan).save(run.target)


def _part_summary(
    run: _Run, records: Sequence[Record | None], written: int, seconds: float
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


def _laid_out(run: _Run, tasks: list[Task]) -> list[Task]:
    listener = run.listener
    return laid_out(run.target, tasks, run.jobs, listener.to_lay, listener.laid, run.owner)


def _make(run: _Run, missing: list[Assignment]) -> None:
    """Make shards; whatever happens, leave nothing of this run behind but finished ones."""
    slots = [slot for slot, _ in missing]
    tasks = _laid_out(run, [task for _, task in missing])
    stale = [Assignment(slot, task) for slot, task in zip(slots, tasks, strict=True)]
    killers = workplace.load_killers(run.target)
    suspects = workplace.left_in_work(run.target, run.owner)
    workplace.remove_runs(run.target, run.owner)
    folder = workplace.open_run(run.target, len(run.plan.tasks), run.owner)
    job = Job(run.plan.settings, run.target, folder, run.fail, run.measured, run.owner)
    try:
        blame(job, stale, suspects, killers)
        watch = Watch(folder / heartbeat.NAME, run.listener.done)
        bad = _check_bad(run, _standing(run))
        with watch, closing(make_shards(job, stale, run.jobs, run.backend, killers)) as made:
            for shard in made:
                bad += shard.skipped
                if run.max_bad is not None and bad > run.max_bad:
                    _check_bad(run, _standing(run))
    finally:
        workplace.remove_runs(run.target, run.owner)


def _standing(run: _Run) -> list[Record | None]:
    """Return for each task the record of its shard, None where that is to be made."""
    return [Record.load(run.target / WORK / record_name(task)) for task in run.plan.tasks]


def _check_bad(run: _Run, records: Sequence[Record | None]) -> int:
    """Return how many files are bad in shards that there are.

    Raises:
        BadFilesError: more than the run allows.
    """
    lines = [line for record in records if record is not None for line in record.outcomes]
    report = Report.gather(lines, images=0)
    report.check_most_bad(run.target, run.max_bad)
    return report.counts[SKIPPED]


def _records(run: _Run) -> list[Record]:
    records = _standing(run)
    lost = [task.name for task, record in zip(run.plan.tasks, records, strict=True) if not record]
    if lost:
        raise ShardError(
            f"{run.target / WORK}: the record of {lost[0]} record was lost while the command ran; "
            "run it again"
        )
    return [record for record in records if record is not None]


def _moments(run: _Run, records: list[Record]) -> tuple[Sequence[str], Moments] | None:
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


def _measure_finished(run: _Run, splits: Sequence[str]) -> None:
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
