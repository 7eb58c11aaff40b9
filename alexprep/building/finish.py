"""The end of a set of shards: index, what other readers need, report, and the manifest last."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from alexprep.errors import BadFilesError
from alexprep.files import canonical_json, sha256_file, write_atomically
from alexprep.measuring.measure import statistics_of
from alexprep.measuring.moments import Moments
from alexprep.planning.plan import Plan
from alexprep.records.record import Record, join
from alexprep.records.report import Report
from alexprep.shards.index import index_name
from alexprep.shards.manifest import Manifest
from alexprep.shards.statistics import STATISTICS

INFO = "_info.json"  # what timm's reader of webdatasets looks for


def finish(
    target: Path,
    plan: Plan,
    codec: Mapping[str, str],
    records: Sequence[Record],
    measured: tuple[Sequence[str], Moments] | None = None,
) -> Report:
    """Write all that stands beside the shards.

    Args:
        target: The set, every shard in it.
        plan: What was planned.
        codec: See `transform.codec`.
        records: One for each task of the plan, in its order.
        measured: Splits and their sums, where statistics are wanted.

    Raises:
        BadFilesError: not one of the raw files is an image.
        DiskError: the disk is full or cannot be written.
    """
    images = sum(record.shard.samples for record in records)
    report = Report.gather((line for record in records for line in record.outcomes), images)
    if not images:
        first = report.outcomes[0]
        raise BadFilesError(
            f"none of the {len(report.outcomes):,} files is an image (the first, {first.file}: "
            f"{first.what}); name a folder or an archive of images"
        )
    shards = tuple(record.shard for record in records)
    hashes = {}
    for split in dict.fromkeys(shard.split for shard in shards):
        path = target / index_name(split)
        join([record.index for record in records if record.shard.split == split]).save(path)
        hashes[split] = sha256_file(path)
    manifest = Manifest(
        settings=plan.settings,
        codec=codec,
        layout=plan.raw,
        label_order=plan.label_order,
        classes=plan.classes,
        words=tuple(plan.words.get(name, name) for name in plan.classes),
        glosses=tuple(plan.glosses.get(name, "") for name in plan.classes),
        shards=shards,
        index_sha256=hashes,
        report_sha256=hashlib.sha256(report.json_bytes()).hexdigest(),
    )
    write_atomically(target / INFO, info_bytes(manifest))
    report.save(target)
    if measured is not None:
        splits, moments = measured
        statistics_of(moments, manifest.fingerprint, splits).save(target / STATISTICS)
    manifest.save(target)
    return report


def info_bytes(manifest: Manifest) -> bytes:
    """Return the content of _info.json, which follows from the manifest."""
    return canonical_json(
        {
            "splits": {
                split: {
                    "name": split,
                    "num_samples": manifest.samples(split),
                    "filenames": [shard.name for shard in manifest.of(split)],
                    "shard_lengths": [shard.samples for shard in manifest.of(split)],
                }
                for split in manifest.splits
            }
        }
    )
