"""What stands beside the shards, checked byte by byte: manifest, report, statistics, info."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from alexprep.building.finish import INFO, info_bytes
from alexprep.errors import ShardError, StatisticsError
from alexprep.files import sha256_file
from alexprep.records.report import CSV_NAME, JSON_NAME, Report
from alexprep.shards.manifest import MANIFEST, Manifest
from alexprep.shards.statistics import STATISTICS, Statistics


class Finding(NamedTuple):
    """One thing that is not as it was written."""

    file: str  # name in the set: "train-000003.tar"
    what: str
    cure: Literal["repair", "stats", "move"] = "repair"  # what mends it: see `verify.remedy`


def check_beside(directory: Path, manifest: Manifest) -> list[Finding]:
    """Return what is wrong with the files beside shards and indexes; nothing if all is right."""
    findings = []
    if (directory / MANIFEST).read_bytes() != manifest.to_bytes():
        what = "says the same as it did, but in other bytes than this program writes"
        findings.append(Finding(MANIFEST, what))
    if manifest.report_sha256:
        findings += _check_report(directory, manifest)
        findings += _differs(directory, INFO, info_bytes(manifest))
    return findings + _check_statistics(directory, manifest)


def _check_report(directory: Path, manifest: Manifest) -> list[Finding]:
    path = directory / JSON_NAME
    if not path.is_file():
        return [Finding(JSON_NAME, "is missing")]
    found = sha256_file(path)
    if found != manifest.report_sha256:
        wanted = manifest.report_sha256[:16]
        what = f"was changed (sha256 {found[:16]}, the manifest says {wanted})"
        return [Finding(JSON_NAME, what)]
    return _differs(directory, CSV_NAME, Report.load(directory).csv_bytes())


def _differs(directory: Path, name: str, expected: bytes) -> list[Finding]:
    path = directory / name
    if not path.is_file():
        return [Finding(name, "is missing")]
    return [] if path.read_bytes() == expected else [Finding(name, "was changed")]


def _check_statistics(directory: Path, manifest: Manifest) -> list[Finding]:
    path = directory / STATISTICS
    if not path.is_file():
        return []
    try:
        Statistics.load(path, manifest.fingerprint).check_file(path)
    except (StatisticsError, ShardError) as error:
        return [finding(path, error, "stats")]
    return []


def finding(
    path: Path, error: Exception, cure: Literal["repair", "stats", "move"] = "repair"
) -> Finding:
    """Return what an error says, without the path at its head."""
    return Finding(path.name, str(error).removeprefix(f"{path}: "), cure)
