"""Who carries the work: joblib's own backends, by name."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

from joblib import Parallel
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.backend import resource_tracker as loky_resource_tracker
from joblib.parallel import BACKENDS

from alexprep.errors import SettingsError
from alexprep.workers.worker import start_worker

LOKY, DASK = "loky", "dask"
Runner = Callable[[Any], Generator[Any, None, None]]  # delayed calls -> results as they come


class WorkersDiedError(Exception):
    """Processes died and took their tasks with them; the caller knows what to do."""


@dataclass(frozen=True)
class Backend:
    """A joblib backend.

    Raises:
        SettingsError: no such backend, or a cluster for one that has none.
    """

    name: str = LOKY  # loky, threading, dask, or what `joblib.register_parallel_backend` was told
    cluster: str | None = None  # address of the Dask scheduler: "tcp://10.0.0.1:8786"

    def __post_init__(self) -> None:
        known = sorted({*BACKENDS, DASK})
        if self.name not in known:
            raise SettingsError(f"backend {self.name!r} is unknown; choose {', '.join(known)}")
        if self.name == DASK and self.cluster is None:
            raise SettingsError(
                "backend dask needs the address of its scheduler: --cluster tcp://HOST:8786"
            )
        if self.name != DASK and self.cluster is not None:
            raise SettingsError(f"backend {self.name} has no cluster; --cluster is for dask")

    @property
    def elsewhere(self) -> bool:
        """Whether the work is done on other machines."""
        return self.name == DASK

    def runner(self, jobs: int) -> AbstractContextManager[Runner]:
        """Open the backend for `jobs` processes, threads or what it has; a cluster knows its own.

        Raises:
            WorkersDiedError: from the results: processes died.
        """
        if self.name == LOKY:
            return _loky(jobs)
        return _other(self.name, jobs)


DEFAULT = Backend()


@contextmanager
def _loky(jobs: int) -> Iterator[Runner]:
    pool = Parallel(
        n_jobs=jobs,
        backend=LOKY,
        batch_size=1,
        return_as="generator_unordered",
        initializer=start_worker,
        initargs=(os.getpid(),),
    )

    def run(calls: Any) -> Generator[Any, None, None]:
        expect_tasks_left()
        with _interrupts_held():
            results = pool(calls)
        try:
            yield from results
        except BrokenProcessPool as error:
            raise WorkersDiedError(str(error)) from error

    try:
        yield run
    finally:
        # Else the workers would idle on for minutes, as long as this process lives.
        get_reusable_executor(reuse=True).shutdown(kill_workers=True)


@contextmanager
def _other(name: str, jobs: int) -> Iterator[Runner]:
    as_they_come = getattr(BACKENDS[name], "supports_return_generator", False)
    return_as = "generator_unordered" if as_they_come else "list"
    pool = Parallel(n_jobs=jobs, backend=name, batch_size=1, return_as=return_as)

    def run(calls: Any) -> Generator[Any, None, None]:
        expect_tasks_left()
        yield from pool(calls)

    yield run


def expect_tasks_left() -> None:
    """Let joblib say nothing of tasks that are left when a run is stopped: that is meant.

    For good: Ctrl-C may come anywhere, inside joblib too, which then warns as it unwinds.
    """
    warnings.filterwarnings("ignore", r"\d+ tasks (which were still being|have been successfully)")


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
