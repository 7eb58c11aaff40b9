"""Shards back to class folders: SPLIT/CLASS/STEM.jpg, every file whole or not there."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import DiskError, ShardError
from alexprep.files import (
    LOCK,
    PART_SUFFIX,
    disk_errors,
    lock_directory,
    write_all,
    write_atomically,
)
from alexprep.shards.manifest import Manifest, ShardRecord
from alexprep.shards.reader import ShardReader
from alexprep.threads import Beat, in_threads

BEGUN = ".extract"  # while it is unfinished: the fingerprint of the shards
_ESCAPED = re.compile(rb"%([0-9A-F]{2})")
_UNSAFE = frozenset(b"/\\\0:")


def plain_name(escaped: str) -> str:
    """Return a part of a key as the name of a file or folder, %XX undone where that is safe.

    A name that would leave its folder, hide, or not be one name ("..", ".x", "a/b", "C:",
    control characters) stays as it is, escaped; two parts never give one name.
    """
    data = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), escaped.encode("ascii"))
    odd = any(byte in _UNSAFE or byte < 32 or byte == 127 for byte in data)
    # What itself reads like an escape stays too: else "%2E" and "%252E" would meet.
    if odd or data.startswith(b".") or _ESCAPED.search(data):
        return escaped
    return os.fsdecode(data)


def extract(
    shards: Path,
    target: Path,
    jobs: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Write each stored image as a file of its own, with the bytes that the shard holds.

    May be stopped at any time and called again: files that are there in full are kept.

    Args:
        shards: A finished set.
        target: A new or empty folder, or one that this began for the same set.
        jobs: Threads; None for one a core.
        on_progress: Hears the number of images done since it was last called.

    Returns:
        How many images the folder holds.

    Raises:
        ShardError: no finished set, or one that was changed.
        DiskError: the folder is not empty, the disk is full, or it cannot be written.
    """
    readers = [ShardReader(shards, split) for split in Manifest.load(shards).splits]
    pieces = [piece for reader in readers for piece in _pieces(reader)]
    with _claimed(target, readers[0].manifest):
        with disk_errors(target):
            for folder in {file.parent for piece in pieces for file in piece.files}:
                (target / folder).mkdir(parents=True, exist_ok=True)

        def write(piece: _Piece, beat: Beat) -> int:
            return _write(shards, target, piece, beat)

        return sum(in_threads(write, pieces, jobs, on_progress))


class _Piece(NamedTuple):
    """A shard, and what becomes of its samples."""

    record: ShardRecord
    files: list[Path]  # below the target
    offsets: list[int]
    sizes: list[int]


def _pieces(reader: ShardReader) -> Iterator[_Piece]:
    index, keys, first = reader.index, reader.index.keys(), 0
    if len(set(keys)) != len(keys):
        raise ShardError(
            f"{reader.folder}: two samples of {reader.split} have one key: one would replace "
            "the other; such a set is not of alexprep: ask who made it"
        )
    for record in reader.manifest.of(reader.split):
        numbers = slice(first, first + record.samples)
        first = numbers.stop
        files = [Path(reader.split, *map(plain_name, key.split("/"))) for key in keys[numbers]]
        files = [file.with_name(f"{file.name}.{reader.extension}") for file in files]
        yield _Piece(record, files, index.offsets[numbers].tolist(), index.sizes[numbers].tolist())


@contextmanager
def _claimed(target: Path, manifest: Manifest) -> Iterator[None]:
    """Hold a folder that is empty, or was begun for the same set; unmark it at the end."""
    mark = target / BEGUN
    with disk_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        others = sorted({path.name for path in target.iterdir()} - {LOCK, BEGUN})
    if others and not mark.is_file():
        raise DiskError(
            f"{target}: is not empty (there is {others[0]}); name an empty or a new folder"
        )
    with lock_directory(target):
        if mark.is_file() and mark.read_text("ascii") != manifest.fingerprint:
            raise DiskError(
                f"{target}: was begun from other shards (fingerprint "
                f"{mark.read_text('ascii')[:16]}, these have {manifest.fingerprint[:16]}); name "
                "an empty or a new folder"
            )
        write_atomically(mark, manifest.fingerprint.encode("ascii"))
        yield
        mark.unlink()


def _write(shards: Path, target: Path, piece: _Piece, beat: Beat) -> int:
    """Write the images of one shard, read from its first byte to its last, hashed in passing."""
    path, digest, position = shards / piece.record.name, hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        for name, offset, size in zip(piece.files, piece.offsets, piece.sizes, strict=True):
            data = file.read(offset + size - position)
            digest.update(data)
            position = offset + size
            _write_image(target / name, data[-size:])
            beat(1)
        digest.update(file.read())
    if digest.hexdigest() != piece.record.sha256:
        raise ShardError(
            f"{path}: was changed after it was written, and so were the images taken from it; "
            f"run `alexprep verify {shards}`, and extract into a new folder"
        )
    return len(piece.files)


def _write_image(path: Path, data: bytes) -> None:
    """Write beside and rename; not synced, which would take longer than all else."""
    with disk_errors(path):
        if path.is_file() and path.stat().st_size == len(data):
            return
        part = path.with_name(f".{path.name}{PART_SUFFIX}")
        with part.open("wb", buffering=0) as file:
            write_all(file, data)
        part.replace(path)
