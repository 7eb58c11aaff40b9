"""Damaged shards made anew from the raw images, in place, and only where they come out the same.

All is made beside, in the work folder, and compared with the manifest before it replaces anything:
a set is never changed by its repair, or it is not repaired.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from alexprep.building.finish import INFO, info_bytes
from alexprep.building.laid import laid_out
from alexprep.checking.verify_beside import Finding
from alexprep.errors import ShardError
from alexprep.files import disk_errors, lock_directory, sync_folder, write_atomically
from alexprep.images.transform import codec
from alexprep.planning.plan import Plan
from alexprep.records.begun import Begun, check_same, other_images
from alexprep.records.record import Record, join, record_name
from alexprep.records.report import CSV_NAME, JSON_NAME, Report
from alexprep.shards.index import index_name
from alexprep.shards.manifest import MANIFEST, WORK, Manifest
from alexprep.threads import usable_cores
from alexprep.workers import heartbeat, workplace
from alexprep.workers.backends import DEFAULT
from alexprep.workers.heartbeat import Watch
from alexprep.workers.pool import Assignment, Killers, make_shards
from alexprep.workers.worker import Job

_FOLDER = "repair"


def to_make(manifest: Manifest, findings: Sequence[Finding]) -> list[int]:
    """Return the places of the shards that have to be made for what was found.

    An index needs all shards of its split, the report all there are: what they tell of the raw
    images is nowhere else.
    """
    bad = {finding.file for finding in findings if finding.cure == "repair"}
    return [
        place
        for place, shard in enumerate(manifest.shards)
        if {shard.name, index_name(shard.split), JSON_NAME} & bad
    ]


def repair(
    directory: Path,
    findings: Sequence[Finding],
    plan: Plan,
    jobs: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Write anew the files that `verify` found damaged; every byte as the manifest has it.

    Args:
        directory: The set.
        findings: Of `verify`; those that a repair does not cure are passed over.
        plan: Of the raw images, with the settings, splits and label order of the manifest.
        jobs: Processes; None for one a core.
        on_progress: Hears how many images were done since it was last called.

    Returns:
        The names of the files that were written.

    Raises:
        ShardError: other raw images or another codec than the set was made from; nothing was
            replaced.
        RawError: the raw set changed meanwhile, or its archive is cut.
        DiskError: the disk is full or cannot be written.
    """
    manifest = Manifest.load(directory)
    _check_origin(directory, manifest, plan)
    places = to_make(manifest, findings)
    with lock_directory(directory):
        workplace.remove_work(directory)
        beside = directory / WORK / _FOLDER
        try:
            with disk_errors(beside):
                (beside / WORK).mkdir(parents=True)
            laid = laid_out(beside, [plan.tasks[place] for place in places], jobs)
            tasks = [Assignment(place, task) for place, task in zip(places, laid, strict=True)]
            _make(beside, plan, tasks, jobs or usable_cores(), on_progress)
            records = {place: _same(beside, directory, manifest, plan, place) for place in places}
            files = _beside_shards(directory, manifest, findings, records)
            bad = {finding.file for finding in findings if finding.cure == "repair"}
            shards = [name for place in places if (name := manifest.shards[place].name) in bad]
            with disk_errors(directory):
                for name in shards:
                    (beside / name).replace(directory / name)
                sync_folder(directory)
            for name, data in files.items():
                write_atomically(directory / name, data)
        finally:
            shutil.rmtree(directory / WORK, ignore_errors=True)
    return [*shards, *files]


def _check_origin(directory: Path, manifest: Manifest, plan: Plan) -> None:
    begun = Begun.of(plan, codec(manifest.settings.format))
    check_same(directory, begun, manifest.settings, manifest.codec)
    names = [f"{task.name}.tar" for task in plan.tasks]
    there = sum(shard.samples + shard.skipped for shard in manifest.shards)
    if names != [shard.name for shard in manifest.shards] or there != plan.samples():
        raise ShardError(other_images(directory, there, plan.samples()))


def _make(
    beside: Path,
    plan: Plan,
    tasks: Sequence[Assignment],
    jobs: int,
    on_progress: Callable[[int], None] | None,
) -> None:
    run = workplace.open_run(beside, len(plan.tasks))
    job = Job(plan.settings, beside, run, fail=False)
    killers: Killers = {}
    watch = Watch(run / heartbeat.NAME, on_progress)
    with watch, closing(make_shards(job, tasks, jobs, DEFAULT, killers)) as made:
        for _ in made:
            pass


def _same(beside: Path, directory: Path, manifest: Manifest, plan: Plan, place: int) -> Record:
    record = Record.load(beside / WORK / record_name(plan.tasks[place]))
    assert record is not None  # this run has just written it
    if record.shard != manifest.shards[place]:
        raise ShardError(
            f"{directory / record.shard.name}: comes out otherwise (sha256 "
            f"{record.shard.sha256[:16]}, the manifest says "
            f"{manifest.shards[place].sha256[:16]}), so its raw images are not those that it was "
            "made from; nothing was replaced: put them back, or make the shards again with "
            "`alexprep shard --recheck`"
        )
    return record


def _beside_shards(
    directory: Path, manifest: Manifest, findings: Sequence[Finding], records: dict[int, Record]
) -> dict[str, bytes]:
    """Return name -> content of the damaged files beside the shards."""
    bad = {finding.file for finding in findings if finding.cure == "repair"}
    files: dict[str, bytes] = {}
    for split in manifest.splits:
        if index_name(split) in bad:
            own = [record.index for record in records.values() if record.shard.split == split]
            files[index_name(split)] = join(own).to_bytes()
            _check(index_name(split), files[index_name(split)], manifest.index_sha256[split])
    if JSON_NAME in bad:
        lines = (line for record in records.values() for line in record.outcomes)
        report = Report.gather(lines, sum(shard.samples for shard in manifest.shards))
        files |= {JSON_NAME: report.json_bytes(), CSV_NAME: report.csv_bytes()}
        _check(JSON_NAME, files[JSON_NAME], manifest.report_sha256)
    elif CSV_NAME in bad:
        files[CSV_NAME] = Report.load(directory).csv_bytes()
    if INFO in bad:
        files[INFO] = info_bytes(manifest)
    if MANIFEST in bad:
        files[MANIFEST] = manifest.to_bytes()
    return files


def _check(name: str, data: bytes, expected: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ShardError(
            f"{name}: comes out otherwise (sha256 {found[:16]}, the manifest says "
            f"{expected[:16]}), so the raw images are not those that the shards were made from; "
            "nothing was replaced"
        )
