"""One shard task to one shard: written beside, read again and checked, renamed, recorded."""

from __future__ import annotations

import faulthandler
import hashlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO, cast

from alexprep.errors import BadFilesError, DiskError, ImageError, ShardError
from alexprep.files import disk_errors, sha256_file, sync_folder
from alexprep.images.transform import prepare
from alexprep.measuring.shard_moments import StoredSums, moments_name, save_moments
from alexprep.planning.plan import Task
from alexprep.raw.ahead import Reader
from alexprep.raw.source import Source, shown
from alexprep.records.record import Record, origin, record_name
from alexprep.records.report import CONVERTED, REPAIRED, SKIPPED, Outcome, outcomes_of
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index
from alexprep.shards.manifest import WORK, ShardRecord
from alexprep.shards.tar import Placed, write_shard
from alexprep.workers import heartbeat
from alexprep.workers.heartbeat import Heartbeat

_LOOK = 0.5  # seconds between two looks at the parent, or at the folder of the run


@dataclass(frozen=True)
class Job:
    """What all tasks of one run have in common."""

    settings: PrepSettings
    target: Path  # SHARDS
    run: Path  # SHARDS/.work/run-...: this run's own folder
    fail: bool  # the first bad file ends the run
    measured: tuple[str, ...] = ()  # the splits whose stored images are summed in passing
    owner: str = ""  # the part of the set that is made; see parts.py


@dataclass
class _Made:
    """What is known of a shard while it is written."""

    outcomes: list[Outcome] = field(default_factory=list)
    source_sizes: list[int] = field(default_factory=list)
    source_hashes: list[str] = field(default_factory=list)
    sums: StoredSums | None = None  # where statistics are wanted


def start_worker(parent: int) -> None:
    """Prepare a worker process: it ends soon after its parent has, however that ended.

    Args:
        parent: Process id of the parent.
    """
    # A crash is told by the report, which names the image, not by a dump of this process.
    faulthandler.disable()
    threading.Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)


def make_shard(job: Job, task: Task, slot: int, skip: Mapping[int, str]) -> ShardRecord:
    """Make one shard and its record.

    All is written in the run's own folder and renamed from there. A later run removes that folder
    first, so a worker that has outlived its parent cannot put anything into a set that is no
    longer its own.

    Args:
        job: The run.
        task: The shard.
        slot: Its place in the plan, for the heartbeat.
        skip: Position in the task -> reason, for images that are not to be touched.

    Raises:
        BadFilesError: a bad image, where the job wants none.
        RawError: the raw set changed, or its archive was cut.
        DiskError: the disk is full, or cannot be written.
        ShardError: what was written reads back as something else.
    """
    beat = Heartbeat(job.run / heartbeat.NAME, slot)
    try:
        with disk_errors(job.target / f"{task.name}.tar"):
            # A cluster that has lost sight of a worker gives its task to another: both may write.
            own = Path(mkdtemp(prefix=f"{task.name}-", dir=job.run))
            shard = _write(job, task, skip, beat, own)
            _publish(job, task, own)
        beat.finish(len(task.samples))
    finally:
        beat.close()
    return shard


def _write(
    job: Job, task: Task, skip: Mapping[int, str], beat: Heartbeat, folder: Path
) -> ShardRecord:
    """Write shard, record and, where statistics are wanted, moments into a folder."""
    made = _Made(sums=StoredSums(job.settings) if task.split in job.measured else None)
    path = folder / f"{task.name}.tar"
    with path.open("wb", buffering=0) as file:
        hashed = _Hashed(file)
        samples = _samples(job, task, skip, beat, made)
        placed = write_shard(cast(BinaryIO, hashed), samples, job.settings.format)
        # Two waits at once: for the disk, and for the shard to be read again.
        with ThreadPoolExecutor(1) as thread:
            synced = thread.submit(os.fsync, file.fileno())
            _check(path, hashed)
            synced.result()
    record = _record(task, made, placed, hashed)
    (folder / record_name(task)).write_bytes(record.to_bytes())
    if made.sums is not None:
        save_moments(folder / moments_name(task), made.sums.moments(), record.shard)
    return record.shard


class _Hashed:
    """A file that knows the SHA-256 and the length of what was written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.bytes = 0

    def write(self, data: memoryview) -> int:
        written = self._file.write(data)
        self.digest.update(data[:written])
        self.bytes += written
        return written


def _samples(
    job: Job, task: Task, skip: Mapping[int, str], beat: Heartbeat, made: _Made
) -> Iterator[tuple[str, int, bytes]]:
    look = time.monotonic()
    with closing(Reader(task.samples)) as reader:
        for position, planned in enumerate(task.samples):
            if time.monotonic() > look:
                _check_run(job)
                look = time.monotonic() + _LOOK
            beat.at(position)
            source, digest = planned.source, ""
            try:
                if position in skip:
                    raise ImageError(skip[position])
                data = reader.read(position)
                source = source._replace(size=len(data))  # not known before in every layout
                digest = hashlib.sha256(data).hexdigest()
                image, notes = prepare(data, job.settings)
            except ImageError as error:
                made.outcomes.append(_skipped(job, task, source, str(error), digest))
                continue
            if notes:
                made.outcomes += outcomes_of(source, task.split, notes, digest)
            made.source_sizes.append(source.size)
            made.source_hashes.append(digest)
            if made.sums is not None:
                made.sums.add(image)
            del data  # 10 MB of a large file: not to be held while the next one is read
            yield planned.key, planned.label, image
    beat.at(len(task.samples))


def _check_run(job: Job) -> None:
    """Stop where nobody waits for the shard any more: a parent on another machine has ended."""
    if not job.run.is_dir():
        raise DiskError(
            f"{job.run}: is gone; the run that it belongs to has ended, or another has taken over"
        )


def _skipped(job: Job, task: Task, source: Source, reason: str, digest: str) -> Outcome:
    name = shown(source.name)
    if job.fail:
        raise BadFilesError(
            f"{name}: {reason}; repair or remove it, or let bad files be skipped (--on-bad skip)"
        )
    return Outcome(name, task.split, SKIPPED, reason, source.size, digest)


def _check(path: Path, written: _Hashed) -> None:
    """Read the shard again, every byte of it."""
    if sha256_file(path) != written.digest.hexdigest():
        raise ShardError(
            f"{path}: reads back as something else than was written; "
            "check the disk and the memory of this machine"
        )


def _record(task: Task, made: _Made, placed: list[Placed], hashed: _Hashed) -> Record:
    counts = {
        done: sum(outcome.done == done for outcome in made.outcomes)
        for done in (SKIPPED, REPAIRED, CONVERTED)
    }
    shard = ShardRecord(
        name=f"{task.name}.tar",
        split=task.split,
        samples=len(placed),
        bytes=hashed.bytes,
        sha256=hashed.digest.hexdigest(),
        **counts,
    )
    index = Index.build([placed], made.source_sizes, made.source_hashes)
    return Record(shard, origin(task), tuple(made.outcomes), index)


def _publish(job: Job, task: Task, folder: Path) -> None:
    """Rename the shard to where it counts, and then its record; moments go before it."""
    shard, record = f"{task.name}.tar", record_name(task)
    (folder / shard).replace(job.target / shard)
    sync_folder(job.target)
    if task.split in job.measured:
        (folder / moments_name(task)).replace(job.target / WORK / moments_name(task))
    # Not synced: a record that a loss of power takes or damages means that the shard is made anew.
    (folder / record).replace(job.target / WORK / record)
    folder.rmdir()
