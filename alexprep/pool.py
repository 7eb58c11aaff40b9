"""Shard tasks in processes, and what to do when one of the processes dies."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from multiprocessing import resource_tracker
from typing import NamedTuple

from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.backend import resource_tracker as loky_resource_tracker

from alexprep import heartbeat
from alexprep.errors import AlexError
from alexprep.plan import Task
from alexprep.record import record_name
from alexprep.rescue import kills_alone
from alexprep.shards.manifest import WORK, ShardRecord
from alexprep.worker import Job, make_shard, start_worker
from alexprep.workplace import save_killers

_DEATHS = 3  # in a row, with no shard finished in between and no image to blame

Killers = dict[int, dict[int, str]]  # slot -> position -> reason


class Assignment(NamedTuple):
    """A shard to make: a task and its place in the plan."""

    slot: int
    task: Task


def make_shards(
    job: Job, tasks: Sequence[Assignment], jobs: int, killers: Killers
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
            with closing(_run(job, list(left.values()), jobs, killers)) as made:
                for slot, shard in made:
                    del left[slot]
                    deaths = 0
                    yield shard
        except BrokenProcessPool as error:
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
        save_killers(job.target, killers)
    return found


def _run(
    job: Job, tasks: Sequence[Assignment], jobs: int, killers: Killers
) -> Generator[tuple[int, ShardRecord], None, None]:
    if jobs == 1:
        for slot, task in tasks:
            yield slot, make_shard(job, task, slot, killers.get(slot, {}))
        return
    parallel = Parallel(
        n_jobs=jobs,
        backend="loky",
        batch_size=1,
        return_as="generator_unordered",
        initializer=start_worker,
        initargs=(os.getpid(),),
    )
    calls = (delayed(_make)(job, slot, task, killers.get(slot, {})) for slot, task in tasks)
    records: Generator[tuple[int, ShardRecord], None, None] | None = None
    try:
        with _interrupts_held():
            records = parallel(calls)
        # No `yield from`: that would close `records` before the warnings are off.
        for record in records:  # noqa: UP028
            yield record
    finally:
        if records is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that some results were not waited for
                records.close()
        # Else the workers would idle on for minutes, as long as this process lives.
        get_reusable_executor(reuse=True).shutdown(kill_workers=True)


def _make(job: Job, slot: int, task: Task, skip: Mapping[int, str]) -> tuple[int, ShardRecord]:
    return slot, make_shard(job, task, slot, skip)


def _start_trackers() -> None:
    """Start the two processes that clean up after processes that were killed, and silently.

    They outlive this one, and warn of each semaphore or folder that they find: after the last
    line of a command that was stopped. That some are left is so where workers are killed.
    """
    before = list(sys.warnoptions)  # they are begun with the same -W
    try:
        for tracker in (resource_tracker, loky_resource_tracker):
            sys.warnoptions.append(f"ignore::UserWarning:{tracker.__name__}")
            tracker.ensure_running()
    finally:
        sys.warnoptions[:] = before


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let processes begun here be deaf to Ctrl-C, which a terminal sends to all of them.

    The parent hears it and ends them; else each would print a traceback.
    """
    _start_trackers()  # begun later, they would let them through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
