"""Sources that are only cheap in their own order, laid out so that they are cheap in any.

Samples are read in the order of the plan, which is random. From a Parquet file that would read each
image a hundred times over, so all are copied once, container by container, into a spool: plain
files in the work folder of the set, removed with it at the end. A file of the spool is whole or not
there, so an interrupted run continues with the containers that are left.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import DiskError, RawError
from alexprep.files import atomic_file, disk_errors, free_bytes, write_all
from alexprep.raw.place import read_at
from alexprep.raw.source import MAX_BYTES, Source, shown
from alexprep.threads import Beat, in_threads

SPOOL = "spool"  # in the work folder
_LENGTH = struct.Struct("<Q")  # before each image
_TABLE = struct.Struct("<QQ8s")  # at the end of a file: where its table begins, entries, mark
_MARK = b"alexlaid"
_WRITE = 1 << 22  # bytes written at once


class _Places(NamedTuple):
    """Where the sources of a container lie in its file of the spool."""

    places: NDArray[np.int64]  # [n] in the container, sorted
    offsets: NDArray[np.int64]  # [n] in the file

    def hold(self, wanted: NDArray[np.int64]) -> bool:
        """Tell whether all of these are there."""
        return bool(np.isin(wanted, self.places, kind="sort").all())

    def offset(self, place: int) -> int:
        """Return the offset of one that is there."""
        return int(self.offsets[np.searchsorted(self.places, place)])


_NOTHING = _Places(np.empty(0, np.int64), np.empty(0, np.int64))


@runtime_checkable
class Streamed(Protocol):
    """A container whose sources are laid out before they are worked on."""

    def identity(self) -> str:
        """Return what changes when the content does."""

    def room(self, count: int) -> int:
        """Return how many bytes so many of its sources take, about."""

    def stream(self, places: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Yield place and bytes of the wanted sources, each once, in the container's order."""


@dataclass(frozen=True)
class Laid:
    """A file of the spool, a container; a source's place is its offset there."""

    file: str
    original: str  # for messages

    def read(self, source: Source) -> bytes:
        """Read the bytes by their length, which stands before them.

        Raises:
            RawError: the file is not as it was laid out.
        """
        head = read_at(self.file, _LENGTH.size, source.place)
        if len(head) != _LENGTH.size or _LENGTH.unpack(head)[0] > MAX_BYTES:
            raise RawError(f"{self.file}: {shown(source.name)} is not there; run the command again")
        size = _LENGTH.unpack(head)[0]
        data = read_at(self.file, size, source.place + _LENGTH.size)
        if len(data) != size:
            raise RawError(f"{self.file}: was cut meanwhile; run the command again")
        return data

    def where(self, _source: Source) -> str:
        """Return the file that the bytes came from."""
        return self.original


def lay_out(
    sources: Iterable[Source],
    folder: Path,
    jobs: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Callable[[Source], Source]:
    """Lay out those sources that need it.

    Args:
        sources: What is going to be read.
        folder: Of the spool; made where something is laid out.
        jobs: Containers at once; None for one a core.
        on_progress: Hears how many images were laid out since it was last called.

    Returns:
        What gives for each of the sources the one to be read in its place: itself where it was
        cheap already.

    Raises:
        DiskError: the disk is too small or cannot be written.
        RawError: a container is damaged.
    """
    wanted: dict[object, list[Source]] = {}
    for source in sources:
        if isinstance(source.container, Streamed):
            wanted.setdefault(source.container, []).append(source)
    if not wanted:
        return lambda source: source
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _check_space(folder, wanted)

    def lay(container: object, beat: Beat) -> tuple[object, tuple[Laid, _Places]]:
        return container, _lay(wanted[container], folder, beat)

    laid = dict(in_threads(lay, list(wanted), jobs, on_progress))

    def placed(source: Source) -> Source:
        if source.container not in laid:
            return source
        container, places = laid[source.container]
        return source._replace(container=container, place=places.offset(source.place))

    return placed


def cheap_sample(sources: Iterable[Source], count: int) -> list[Source]:
    """Return the first of the sources; of a container that is slow at random, its first ones."""
    rest = iter(sources)
    chosen = list(islice(rest, count))
    if not chosen or not isinstance(chosen[0].container, Streamed):
        return chosen
    container = chosen[0].container
    inside = (source for source in chain(chosen, rest) if source.container is container)
    return nsmallest(count, inside, key=attrgetter("place"))


def _check_space(folder: Path, wanted: Mapping[object, list[Source]]) -> None:
    needed = sum(
        container.room(len(sources))
        for container, sources in wanted.items()
        if isinstance(container, Streamed) and not (folder / _name(container)).is_file()
    )
    free = free_bytes(folder)
    if needed > free:
        raise DiskError(
            f"{folder}: the raw images are laid out here before the work begins, which takes about "
            f"{needed / 1e9:,.2f} GB, and {free / 1e9:,.2f} GB are free; name SHARDS on a larger "
            "disk, or unpack the images into class folders first"
        )


def _name(container: Streamed) -> str:
    """Return the name of a container's file in the spool."""
    return hashlib.sha256(container.identity().encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _lay(sources: list[Source], folder: Path, beat: Beat) -> tuple[Laid, _Places]:
    container = sources[0].container
    assert isinstance(container, Streamed)
    path = folder / _name(container)
    laid = Laid(str(path), container.where(sources[0]))
    places = _load(path)
    wanted = np.array([source.place for source in sources], np.int64)
    if places.hold(wanted):
        beat(len(wanted))
        return laid, places
    with atomic_file(path) as file:
        places = _write(file, container.stream(wanted.tolist()), beat)
    if not places.hold(wanted):
        raise RawError(
            f"{laid.original}: some images that were listed are not there any more; the raw set "
            "changed meanwhile, run the command again"
        )
    return laid, places


def _write(file: BinaryIO, stream: Iterable[tuple[int, bytes]], beat: Beat) -> _Places:
    places: dict[int, int] = {}
    position, waiting, held = 0, [], 0
    for place, data in stream:
        places[place] = position
        waiting += [_LENGTH.pack(len(data)), data]
        position += _LENGTH.size + len(data)
        held += len(data)
        if held > _WRITE:
            write_all(file, b"".join(waiting))
            waiting, held = [], 0
        beat(1)
    pairs = sorted(places.items())
    table = np.array(pairs, "<i8").reshape(-1, 2).T
    end = _TABLE.pack(position, len(places), _MARK)
    write_all(file, b"".join((*waiting, table.tobytes(), end)))
    return _Places(*table.astype(np.int64))


def _load(path: Path) -> _Places:
    """Return the table of a file of the spool; empty where there is no such file."""
    if not path.is_file():
        return _NOTHING
    size = path.stat().st_size
    tail = read_at(str(path), _TABLE.size, max(0, size - _TABLE.size))
    if len(tail) != _TABLE.size:
        return _NOTHING
    position, count, mark = _TABLE.unpack(tail)
    if mark != _MARK or position + 16 * count + _TABLE.size != size:
        return _NOTHING
    table = np.frombuffer(read_at(str(path), 16 * count, position), "<i8").reshape(2, count)
    return _Places(*table.astype(np.int64))
