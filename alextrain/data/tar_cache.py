"""Remote tars brought here once, each whole, the next ones while one is read."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from threading import Event
from urllib.parse import urlsplit

from alexprep.errors import DiskError
from alexprep.files import atomic_file, disk_errors, free_bytes, write_all
from alexprep.remote import transfer
from alexprep.remote.urls import is_url, shown_url
from alexprep.shards.fetched import CACHE

_RUN = 8 << 20  # bytes a request
_AHEAD = 2  # tars under way beside the one that is read


def cached(tar: str) -> Path:
    """Return where a tar lies on this machine, or will lie: a path is its own.

    Copies are told apart by the URL without user, password and query.
    """
    if not is_url(tar):
        return Path(tar)
    top = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "alexkit")
    place = shown_url(tar)
    digest = hashlib.sha256(place.encode()).hexdigest()[:12]
    return top / "tars" / f"{digest}-{PurePosixPath(urlsplit(place).path).name}"


def bring(tar: str, stop: Event) -> Path:
    """Return a tar's path here; copy it first, if that has not been done. A copy is whole or none.

    Args:
        tar: Path or URL.
        stop: Ends the copying, and leaves nothing.

    Raises:
        RawError: the server fails again and again, or refuses.
        DiskError: there is no room.
    """
    path = cached(tar)
    if path.exists():
        return path
    size = transfer.size_of(tar)
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    if size > (free := free_bytes(path.parent)):
        raise DiskError(
            f"{path.parent}: a copy of {shown_url(tar)} takes {size / 1e6:,.1f} MB and "
            f"{free / 1e6:,.1f} MB are free; name a larger disk in the environment: {CACHE}=/folder"
        )
    with atomic_file(path) as file:
        for start in range(0, size, _RUN):
            if stop.is_set():
                raise InterruptedError
            write_all(file, transfer.read_range(tar, start, min(_RUN, size - start)))
    return path


@contextmanager
def brought(tars: Sequence[str]) -> Iterator[Iterator[tuple[str, Path]]]:
    """Give an iterator of tars and their paths here, in order, brought ahead by one thread."""
    stop = Event()
    with ThreadPoolExecutor(1, thread_name_prefix="alextrain-tars") as pool:
        try:
            yield _in_order(pool, tars, stop)
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _in_order(
    pool: ThreadPoolExecutor, tars: Sequence[str], stop: Event
) -> Iterator[tuple[str, Path]]:
    waiting: deque[tuple[str, Future[Path]]] = deque()
    for tar in tars:
        waiting.append((tar, pool.submit(bring, tar, stop)))
        if len(waiting) > _AHEAD:
            first, path = waiting.popleft()
            yield first, path.result()
    for last, path in waiting:
        yield last, path.result()
