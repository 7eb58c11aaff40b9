"""Files that are either whole or not there: write beside, fsync, rename."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from alexprep.errors import DiskError

LOCK = ".lock"
PART_SUFFIX = ".part"  # `.NAME.part` beside NAME, on the same file system
_CHUNK = 1 << 20
_SHARING = 1.0  # seconds to wait for one that only looks whether it is the last to share a lock


def _sentence(error: OSError, path: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{path}: the disk is full; free some space and run the same command again: "
            "what is finished is kept"
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{path}: cannot be written ({error.strerror}); name a folder that you may write to"
    return f"{path}: cannot be written ({error.strerror or error})"


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError met while writing `path` into a DiskError that says what to do.

    Raises:
        DiskError: the disk is full, read-only, or the path may not be written.
    """
    try:
        yield
    except OSError as error:
        raise DiskError(_sentence(error, path)) from error


def sync_folder(folder: Path) -> None:
    """Make renames and removals in `folder` survive a loss of power."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only once it is whole and on the disk.

    Yields:
        A binary file, written beside as `.NAME.part`; renamed on leaving, removed on an exception.

    Raises:
        DiskError: the disk is full, read-only, or the folder may not be written.
    """
    part = path.parent / f".{path.name}{PART_SUFFIX}"
    with disk_errors(path):
        _refuse_device(path)
        try:
            with part.open("wb", buffering=0) as file:
                yield file
                os.fsync(file.fileno())
            part.replace(path)
            sync_folder(path.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _refuse_device(path: Path) -> None:
    """Refuse /dev/null, /dev/stdout, pipes: the renaming would put a plain file in their place."""
    special = path.exists() and not (path.is_file() or path.is_dir())
    if special or (path.is_symlink() and str(path.readlink()).startswith("/proc/")):
        raise OSError(errno.EINVAL, "a device or pipe has this name, expected a file")


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`: either all of it is there afterwards, or what was there before.

    Raises:
        DiskError: the disk is full, read-only, or the folder may not be written.
    """
    with atomic_file(path) as file:
        write_all(file, data)


def check_writable(path: Path) -> None:
    """Refuse, before long work, a file that could not be written after it; leave nothing behind.

    Raises:
        DiskError: it is a folder, its folder is missing, read-only or may not be written, or the
            disk is full.
    """
    with disk_errors(path):
        _refuse_device(path)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder has this name")
        with tempfile.TemporaryFile(dir=path.parent):
            pass


def write_all(file: BinaryIO, data: bytes | memoryview) -> None:
    """Write all of `data` to an unbuffered file (a raw write may take only a part of it)."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def sha256_file(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """Return the SHA-256 of a file in hexadecimal; `on_bytes` hears of each chunk read."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if on_bytes is not None:
                on_bytes(len(chunk))
    return digest.hexdigest()


def canonical_json(value: object) -> bytes:
    """Return JSON that is the same bytes for the same value: sorted, indented, one newline."""
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False)
    return text.encode("ascii") + b"\n"


def free_bytes(path: Path) -> int:
    """Return how many bytes may still be written to the disk that holds `path` (or will)."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


@contextmanager
def lock_directory(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold `folder` for one run; the lock ends with the process, however it ends.

    Args:
        folder: It exists.
        shared: Beside others that share it, and no run that does not.

    Raises:
        DiskError: another run holds the folder, or it cannot be written.
    """
    path = folder / LOCK
    busy = (
        f"{folder}: another run is writing to this folder; wait for it to end, "
        "or name another folder"
    )
    fd = _open_lock(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, busy)
    try:
        yield
    finally:
        if not shared or _try_lock(fd, fcntl.LOCK_EX):  # the last of those that shared it
            path.unlink(missing_ok=True)  # while it is held: whoever opened it before looks again
        os.close(fd)


@contextmanager
def lock_file(path: Path, busy: str | None = None) -> Iterator[None]:
    """Hold a file of locks, which stays; its folder exists.

    Args:
        path: The file.
        busy: The sentence to refuse with where another process holds it; None: wait for that.

    Raises:
        DiskError: it is held, or cannot be written.
    """
    with disk_errors(path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if busy is None:
            fcntl.flock(fd, fcntl.LOCK_EX)
        elif not _try_lock(fd, fcntl.LOCK_EX):
            raise DiskError(busy)
        yield
    finally:
        os.close(fd)


def _open_lock(path: Path, kind: int, busy: str) -> int:
    deadline = time.monotonic() + (_SHARING if kind == fcntl.LOCK_SH else 0)
    while True:
        with disk_errors(path):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not _try_lock(fd, kind):
            os.close(fd)
            if time.monotonic() >= deadline:
                raise DiskError(busy)
            time.sleep(_SHARING / 20)
            continue
        # The run before may have removed the file between opening and locking it.
        if path.exists() and path.stat().st_ino == os.fstat(fd).st_ino:
            return fd
        os.close(fd)


def _try_lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
