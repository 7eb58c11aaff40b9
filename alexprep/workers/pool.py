"""Shard tasks in processes, and what to do when one of the processes dies."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

from joblib import delayed

from alexprep.errors import AlexError
from alexprep.images.transform import codec
from alexprep.planning.plan import Task
from alexprep.records.record import record_name
from alexprep.shards.manifest import WORK, ShardRecord
from alexprep.workers import heartbeat
from alexprep.workers.backends import LOKY, Backend, WorkersDiedError
from alexprep.workers.cluster import make_on_cluster
from alexprep.workers.guest import Call, Guest
from alexprep.workers.rescue import kills_alone
from alexprep.workers.worker import Job, make_shard
from alexprep.workers.workplace import save_killers

_DEATHS = 3  # in a row, with no shard finished in between and no image to blame

Killers = dict[int, dict[int, str]]  # slot -> position -> reason


class Assignment(NamedTuple):
    """A shard to make: a task and its place in the plan."""

    slot: int
    task: Task


def make_shards(
    job: Job, tasks: Sequence[Assignment], jobs: int, backend: Backend, killers: Killers
) -> Generator[ShardRecord, None, None]:
    """Make all shards; yield each as it is finished.

    One job works in this process. Where a worker dies, the pool starts anew; the images that were
    in work are tried one by one, each in a fresh process, and one that kills that too is added to
    `killers` and left out from then on.

    Raises:
        AlexError: workers die again and again and no image is to blame, or what `make_shard` says.
    """
    left = {assignment.slot: assignment for assignment in tasks}
    deaths = 0
    while left:
        try:
            with closing(_run(job, list(left.values()), jobs, backend, killers)) as made:
                for slot, shard in made:
                    del left[slot]
                    deaths = 0
                    yield shard
        except WorkersDiedError as error:
            deaths += 1
            # Of some that are finished we may not have heard; no shard is made twice.
            done = [slot for slot, (_, task) in left.items() if _is_recorded(job, task)]
            for slot in done:
                del left[slot]
            in_work = heartbeat.in_work(job.run / heartbeat.NAME)
            if not blame(job, list(left.values()), in_work, killers) and deaths == _DEATHS:
                raise AlexError(
                    f"{job.target}: worker processes died {deaths} times in a row, and no image "
                    "kills one alone; perhaps the memory is too small for so many: run the same "
                    f"command again with fewer --jobs than {jobs}"
                ) from error


def _is_recorded(job: Job, task: Task) -> bool:
    return (job.target / WORK / record_name(task)).is_file()


def blame(
    job: Job, tasks: Sequence[Assignment], in_work: Sequence[tuple[int, int]], killers: Killers
) -> bool:
    """Try alone each image that was in work when processes died.

    Args:
        job: The run.
        tasks: Those left; images of others are passed over.
        in_work: (slot, position) of what was in work.
        killers: What is found is added, and kept on the disk for the runs that continue this one.

    Returns:
        Whether an image was found that kills the process that decodes it.
    """
    by_slot = {slot: task.samples for slot, task in tasks}
    found = False
    for slot, position in in_work:
        if position < len(by_slot.get(slot, ())):
            reason = kills_alone(by_slot[slot][position].source, job.settings)
            if reason is not None:
                killers.setdefault(slot, {})[position] = reason
                found = True
    if found:
        save_killers(job.target, killers, job.owner)
    return found


def _run(
    job: Job, tasks: Sequence[Assignment], jobs: int, backend: Backend, killers: Killers
) -> Generator[tuple[int, ShardRecord], None, None]:
    calls = [Call(slot, task, killers.get(slot, {})) for slot, task in tasks]
    if backend.cluster is not None:
        begun_with = codec(job.settings.format)  # build has checked it against the set's
        yield from make_on_cluster(backend.cluster, Guest(_absolute(job), begun_with), calls)
    elif backend.name == LOKY and jobs == 1:
        yield from (_make(job, call) for call in calls)
    else:
        # One for each shard is enough; joblib would carry the work of a single one in this process.
        with backend.runner(min(jobs, max(2, len(calls)))) as run:
            yield from run(delayed(_make)(job, call) for call in calls)


def _make(job: Job, call: Call) -> tuple[int, ShardRecord]:
    return call.slot, make_shard(job, call.task, call.slot, call.skip)


def _absolute(job: Job) -> Job:
    return replace(job, target=job.target.absolute(), run=job.run.absolute())
