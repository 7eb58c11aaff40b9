"""Which shards of a plan stand, by their records, and which have to be made."""

from __future__ import annotations

from alexprep.building import finished
from alexprep.building.laid import laid_out
from alexprep.building.orders import Run
from alexprep.errors import ShardError
from alexprep.files import disk_errors, write_atomically
from alexprep.planning.plan import Task
from alexprep.records.begun import Begun, check_continues, check_same
from alexprep.records.outline import Outline
from alexprep.records.record import Record, record_name
from alexprep.shards.manifest import MANIFEST, WORK, Manifest
from alexprep.workers import workplace
from alexprep.workers.pool import Assignment


def known(run: Run, begun: Begun) -> list[Record | None]:
    """Return for each task the record of what is there, of a finished or an unfinished set."""
    if (run.target / MANIFEST).is_file():
        manifest = Manifest.load(run.target)
        check_same(run.target, begun, manifest.settings, manifest.codec)
        if run.part is None:
            workplace.remove_work(run.target)  # of a run that ended before it cleaned up
        return [*finished.restore(run.target, manifest, run.plan)]
    check_continues(run.target, begun)
    return [Record.load(run.target / WORK / record_name(task)) for task in run.plan.tasks]


def stale(run: Run, records: list[Record | None], *, recheck: bool) -> list[Assignment]:
    """Return the tasks whose shards have to be made."""
    own = [(slot, run.plan.tasks[slot], records[slot]) for slot in run.slots]
    standing = {
        task.name: (task, record)
        for _, task, record in own
        if record is not None and finished.usable(run.target, task, record)
    }
    if recheck:
        tasks = lay_out(run, [task for task, _ in standing.values()])
        records_of = (record for _, record in standing.values())
        pairs = list(zip(tasks, records_of, strict=True))
        for name in finished.recheck(run.target, pairs, run.jobs, run.listener.checked):
            del standing[name]
    if run.listener.kept is not None:
        run.listener.kept(sum(len(task.samples) for task, _ in standing.values()))
    return [Assignment(slot, task) for slot, task, _ in own if task.name not in standing]


def reopen(run: Run, begun: Begun, records: list[Record | None], stale: set[str]) -> None:
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


def _begin_part(run: Run, stale: int) -> None:
    if (run.target / MANIFEST).is_file():
        raise ShardError(
            f"{run.target}: is finished, and {stale} of its shards would be made anew; "
            "run the command without --part"
        )
    Outline.of(run.plan).save(run.target)


def now(run: Run) -> list[Record | None]:
    """Return for each task the record of its shard, None where that is to be made."""
    return [Record.load(run.target / WORK / record_name(task)) for task in run.plan.tasks]


def every(run: Run) -> list[Record]:
    """Return the records of all shards.

    Raises:
        ShardError: one was lost meanwhile.
    """
    records = now(run)
    lost = [task.name for task, record in zip(run.plan.tasks, records, strict=True) if not record]
    if lost:
        raise ShardError(
            f"{run.target / WORK}: the record of {lost[0]} was lost while the command ran; "
            "run it again"
        )
    return [record for record in records if record is not None]


def lay_out(run: Run, tasks: list[Task]) -> list[Task]:
    """Return tasks whose sources can be read one by one: see laid.py."""
    listener = run.listener
    return laid_out(run.target, tasks, run.jobs, listener.to_lay, listener.laid, run.owner)
