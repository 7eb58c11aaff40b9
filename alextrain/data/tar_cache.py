"""Remote tars brought here once, each whole, the next ones while one is read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from threading import Event, Semaphore, Thread
from urllib.parse import urlsplit

from alexprep.errors import DiskError, RawError, ShardError
from alexprep.files import atomic_file, disk_errors, free_bytes, lock_file, write_all
from alexprep.remote import transfer
from alexprep.remote.urls import is_url, shown_url
from alexprep.shards.fetched import CACHE

_RUN = 8 << 20  # bytes a request
_AHEAD = 2  # tars under way beside the one that is read
_ASKED_AT_ONCE = 8  # sizes
_LOOK = 0.2  # seconds between looks whether anybody still wants tars


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
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.parent / f".{path.name}.lock"
    with lock_file(lock):  # another run may be fetching the same
        if not path.exists():
            _copy(tar, path, stop)
        lock.unlink(missing_ok=True)
    return path


def check_copies(tars: Sequence[str]) -> None:
    """Compare the copies that are here with what their server has now, by their sizes.

    Where a server is not reached, the copies are all that there is, and are taken as they are.

    Raises:
        ShardError: a copy has another size.
    """
    copied = [tar for tar in tars if is_url(tar) and cached(tar).exists()]
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool, suppress(RawError):
        for tar, size in zip(copied, pool.map(transfer.size_of, copied), strict=True):
            if (here := cached(tar).stat().st_size) != size:
                raise ShardError(
                    f"{cached(tar)}: has {here:,} bytes where {shown_url(tar)} has {size:,}; the "
                    "copy was cut, or the tar was changed: remove the copy, and it is fetched anew"
                )


def _copy(tar: str, path: Path, stop: Event) -> None:
    size = transfer.size_of(tar)
    if size > (free := free_bytes(path.parent)):
        raise DiskError(
            f"{path.parent}: a copy of {shown_url(tar)} takes {size / 1e6:,.1f} MB and "
            f"{free / 1e6:,.1f} MB are free; name a larger disk in the environment: {CACHE}=/folder"
        )
    with atomic_file(path) as file:
        for start in range(0, size, _RUN):
            if stop.is_set():
                raise InterruptedError
            data = transfer.read_range(tar, start, min(_RUN, size - start))
            if len(data) < min(_RUN, size - start):
                raise RawError(
                    f"{shown_url(tar)}: ended at byte {start + len(data):,} of the {size:,} that "
                    "the server said; see that it is not being written there, and run the same "
                    "command again"
                )
            write_all(file, data)


@contextmanager
def brought(tars: Sequence[str]) -> Iterator[Iterator[tuple[str, Path]]]:
    """Give an iterator of tars and their paths here, in order, brought ahead by one thread."""
    coming = _Coming(tars)
    thread = Thread(target=coming.bring_all, name="alextrain-tars", daemon=True)
    thread.start()
    try:
        yield iter(coming)
    finally:
        coming.stop.set()  # it is not waited for: a slow server may keep it


class _Coming:
    """Tars under way, a few ahead of the one that is read."""

    def __init__(self, tars: Sequence[str]) -> None:
        self.stop = Event()
        self._tars = tars
        self._paths: list[Future[Path]] = [Future() for _ in tars]
        self._room = Semaphore(_AHEAD + 1)

    def bring_all(self) -> None:
        for tar, path in zip(self._tars, self._paths, strict=True):
            while not self._room.acquire(timeout=_LOOK):
                if self.stop.is_set():
                    return
            try:
                path.set_result(bring(tar, self.stop))
            except Exception as error:  # noqa: BLE001  # it is raised where the tar is waited for
                path.set_exception(error)
                return

    def __iter__(self) -> Iterator[tuple[str, Path]]:
        for tar, path in zip(self._tars, self._paths, strict=True):
            yield tar, path.result()
            self._room.release()
