"""Parts to a finished set: what one machine would have made, byte for byte."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from alexprep.building.build import Listener, Summary
from alexprep.building.finish import finish
from alexprep.building.parts import Part, parts_begun
from alexprep.errors import ShardError
from alexprep.files import lock_directory
from alexprep.measuring.collect import collect
from alexprep.raw.source import some
from alexprep.records.begun import BEGUN
from alexprep.records.outline import Outline
from alexprep.records.record import Record, record_name
from alexprep.records.report import Report
from alexprep.shards.manifest import MANIFEST, WORK, Manifest
from alexprep.workers import workplace


def merge(
    target: Path,
    jobs: int | None = None,
    *,
    measured: Sequence[str] = (),
    listener: Listener | None = None,
) -> Summary:
    """Write index, report and manifest of a set whose parts are all made.

    Nothing but the set is needed: what was planned is kept with it. A set that is finished is
    left as it is.

    Args:
        target: The folder of the set.
        jobs: Threads, for images whose sums no part has left.
        measured: Splits whose statistics are to be made too, together.
        listener: For progress bars.

    Raises:
        ShardError: shards are missing (the text names the parts that make them), or no part was
            begun there.
        BadFilesError: not one of the raw files is an image.
        DiskError: a part is still being made, or the disk is full.
    """
    begun_at = time.monotonic()
    if not target.is_dir():
        raise ShardError(f"{target}: no such folder; name the one that the parts were made in")
    with lock_directory(target):
        merged = not (target / MANIFEST).is_file()
        if merged:
            _merge(target, jobs, measured, listener or Listener())
        workplace.remove_work(target)
    manifest, report = Manifest.load(target), Report.load(target)
    return Summary(
        written=len(manifest.shards) if merged else 0,
        kept=0 if merged else len(manifest.shards),
        images=report.images,
        bytes=sum(shard.bytes for shard in manifest.shards),
        seconds=time.monotonic() - begun_at,
        report=report,
    )


def _merge(target: Path, jobs: int | None, measured: Sequence[str], listener: Listener) -> None:
    outline = Outline.load(target)
    plan = outline.plan
    records = _whole(target, outline)
    codec = json.loads((target / WORK / BEGUN).read_bytes())["codec"]
    moments = None
    if measured:
        pairs = [
            (task, record)
            for task, record in zip(plan.tasks, records, strict=True)
            if task.split in measured
        ]
        hears = (listener.to_measure, listener.measured)
        moments = (measured, collect(target, pairs, plan.settings, jobs or 1, *hears))
    finish(target, plan, codec, records, moments)


def _whole(target: Path, outline: Outline) -> list[Record]:
    """Return the records of all shards, each with its shard there."""
    records, missing = [], []
    for slot, (task, origin) in enumerate(zip(outline.plan.tasks, outline.origins, strict=True)):
        record = Record.load(target / WORK / record_name(task))
        path = target / f"{task.name}.tar"
        if (
            record is None
            or record.origin != origin
            or not path.is_file()
            or path.stat().st_size != record.shard.bytes
        ):
            missing.append(slot)
        else:
            records.append(record)
    if missing:
        names = [outline.plan.tasks[slot].name for slot in missing]
        raise ShardError(
            f"{target}: {len(missing)} of {len(outline.plan.tasks)} shards are not made yet "
            f"({some(names)}); {_remedy(target, missing)}, and merge again"
        )
    return records


def _remedy(target: Path, missing: Sequence[int]) -> str:
    of = parts_begun(target)
    if of is None:
        return "make them with `alexprep shard RAW SHARDS --part I/N`"
    numbers = sorted({slot % of + 1 for slot in missing})
    parts = [f"--part {Part(number, of)}" for number in numbers]
    shown = ", ".join(parts[:8]) + (f" and {len(parts) - 8} more" if len(parts) > 8 else "")
    return f"run their parts again: {shown}"
