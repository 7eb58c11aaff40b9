"""Do something to each shard in threads: progress inside a shard, and a quick end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Beat = Callable[[int], None]  # called by the work with what it has just done

_TICK = 0.2  # seconds between two reports of progress


class _Stop(BaseException):
    """Ends a thread whose result nobody waits for any more."""


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(
    work: Callable[[Item, Beat], Result],
    items: Sequence[Item],
    jobs: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[Result]:
    """Yield `work(item, beat)` for each item, as they are done.

    The work should call `beat(count)` some times a second; that is where it is stopped if
    another item fails, or the caller ends (Ctrl-C).

    Args:
        work: Runs in a thread; worth it where it releases Python's lock.
        items: What to do it to.
        jobs: Threads; None for one a core.
        on_progress: Hears the sum of the counts since it was last called, in the calling thread.
    """
    stop = threading.Event()
    done = [0] * len(items)

    def run(place: int) -> Result:
        def beat(count: int) -> None:
            done[place] += count  # each thread has a number of its own: no lock
            if stop.is_set():
                raise _Stop

        return work(items[place], beat)

    pool = ThreadPoolExecutor(jobs or usable_cores())
    try:
        waiting, told = {pool.submit(run, place) for place in range(len(items))}, 0
        while waiting:
            ready, waiting = wait(waiting, timeout=_TICK, return_when=FIRST_COMPLETED)
            news = sum(done) - told
            told += news
            if news and on_progress is not None:
                on_progress(news)
            for future in ready:
                yield future.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
