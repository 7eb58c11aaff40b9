"""Where each shard's work stands, in a file: for the progress bar, and for finding what kills.

One number for each shard, written by the process that makes it before every image, read by the
parent a few times a second. After a process has died, whatever killed it, the number still says at
which image.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

NAME = "progress"
_SLOT = struct.Struct("<q")  # twice the images done, plus one while the shard is in work
# From one slot to the next, bytes: machines that share a file over a network write whole pages.
_STRIDE = 4096
_TICK = 0.2  # seconds between two reports of progress


class Heartbeat:
    """The writer of one shard's number.

    Args:
        path: The file that `create` made.
        slot: The shard's place in the plan.
    """

    def __init__(self, path: Path, slot: int) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self._offset = slot * _STRIDE

    def at(self, position: int) -> None:
        """Say that the image at `position` is next (or, past the last one, that none is)."""
        os.pwrite(self._fd, _SLOT.pack(2 * position + 1), self._offset)

    def finish(self, images: int) -> None:
        """Say that the shard is made."""
        os.pwrite(self._fd, _SLOT.pack(2 * images), self._offset)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def create(path: Path, slots: int) -> None:
    """Make the file, all slots at none done; its blocks are taken now, for the disk may fill up."""
    path.write_bytes(bytes(slots * _STRIDE))


def images_done(path: Path) -> int:
    """Return the images done by all shards together."""
    return sum(number >> 1 for number in _numbers(path))


def in_work(path: Path) -> list[tuple[int, int]]:
    """Return (slot, position) of each shard that is in work; [] where there is no such file."""
    numbers = _numbers(path) if path.is_file() else []
    return [(slot, number >> 1) for slot, number in enumerate(numbers) if number & 1]


def position(path: Path, slot: int) -> int | None:
    """Return the image that one shard is at; None where it is not in work."""
    return dict(in_work(path)).get(slot)


def _numbers(path: Path) -> list[int]:
    data = path.read_bytes()
    return [
        _SLOT.unpack_from(data, offset)[0]
        for offset in range(0, len(data) - _SLOT.size + 1, _STRIDE)
    ]


class Watch:
    """Tells how many images were done since the last time, several times a second, from a thread.

    The number may be negative once a process has died: its shard begins again.

    Args:
        path: The file that `create` made.
        on_progress: Hears the number, in the watching thread and once more at the end.
    """

    def __init__(self, path: Path, on_progress: Callable[[int], None] | None) -> None:
        self._path = path
        self._tell = on_progress
        self._told = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Watch:
        if self._tell is not None:
            self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        if self._tell is not None:
            self._thread.join()
            self._report()

    def _run(self) -> None:
        while not self._stop.wait(_TICK):
            self._report()

    def _report(self) -> None:
        done = images_done(self._path)
        if self._tell is not None and done != self._told:
            news, self._told = done - self._told, done
            self._tell(news)
