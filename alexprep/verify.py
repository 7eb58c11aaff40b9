"""Check a set of shards against its manifest and its index, byte by byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import ShardError, StatisticsError
from alexprep.files import sha256_file
from alexprep.shards.index import Index, index_name
from alexprep.shards.manifest import Manifest, ShardRecord
from alexprep.shards.statistics import STATISTICS, Statistics
from alexprep.shards.tar import Placed, read_shard
from alexprep.threads import Beat, in_threads


class Finding(NamedTuple):
    """One thing that is not as it was written."""

    file: str  # name in the set: "train-000003.tar"
    what: str


def verify(
    directory: Path,
    jobs: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[Finding]:
    """Check hashes, counts, keys, labels and places of all samples, and the statistics' owner.

    Args:
        directory: A finished set of shards.
        jobs: Threads (hashing releases Python's lock); None for one a core.
        on_progress: Hears the number of bytes hashed since it was last called, in the calling
            thread, several times a second.

    Returns:
        What is wrong, in order of the manifest; nothing if all is as it was written.

    Raises:
        ShardError: no finished set, or a manifest that was changed.
    """
    manifest = Manifest.load(directory)
    findings, expected = _expected(directory, manifest)
    extension = manifest.settings.format
    place = {shard.name: number for number, shard in enumerate(manifest.shards)}

    def check(shard: ShardRecord, beat: Beat) -> list[Finding]:
        samples = expected.get(shard.name)
        return _check_shard(directory / shard.name, shard, samples, extension, beat)

    found = [
        finding
        for some in in_threads(check, manifest.shards, jobs, on_progress)
        for finding in some
    ]
    findings += sorted(found, key=lambda finding: place[finding.file])
    for path in sorted(directory.glob("*.tar")):
        if path.name not in place:
            findings.append(Finding(path.name, "the manifest does not list this shard"))
    return findings + _check_statistics(directory, manifest)


class _Expected(NamedTuple):
    """The samples of one shard, as the index of their split has them."""

    split: Index
    keys: list[str]  # of the whole split
    numbers: range  # of this shard's samples in the split

    def samples(self) -> Iterator[Placed]:
        labels, offsets, sizes = self.split.labels, self.split.offsets, self.split.sizes
        for i in self.numbers:
            yield Placed(self.keys[i], int(labels[i]), int(offsets[i]), int(sizes[i]))


def _expected(directory: Path, manifest: Manifest) -> tuple[list[Finding], dict[str, _Expected]]:
    """Return what is wrong with the indexes, and the samples of each shard of the good ones."""
    findings: list[Finding] = []
    expected: dict[str, _Expected] = {}
    for split in manifest.splits:
        try:
            manifest.check_index(directory, split)
            index = Index.load(directory / index_name(split))
        except ShardError as error:
            findings.append(_finding(directory / index_name(split), error))
            continue
        keys, start = index.keys(), 0
        for shard, size in zip(manifest.of(split), index.shard_sizes.tolist(), strict=True):
            expected[shard.name] = _Expected(index, keys, range(start, start + size))
            start += size
    return findings, expected


def _check_shard(
    path: Path, shard: ShardRecord, expected: _Expected | None, extension: str, beat: Beat
) -> list[Finding]:
    if not path.is_file():
        return [Finding(shard.name, "is missing")]
    findings = []
    size, found = path.stat().st_size, sha256_file(path, beat)
    if size != shard.bytes:
        what = f"has {size:,} bytes where the manifest says {shard.bytes:,}"
        findings.append(Finding(shard.name, what))
    elif found != shard.sha256:
        what = f"was changed (sha256 {found[:16]}, the manifest says {shard.sha256[:16]})"
        findings.append(Finding(shard.name, what))
    try:
        placed = [sample for sample, _ in read_shard(path, extension)]
        findings += _compare(shard, expected, placed)
    except ShardError as error:
        findings.append(_finding(path, error))
    return findings


def _compare(shard: ShardRecord, expected: _Expected | None, placed: list[Placed]) -> list[Finding]:
    if len(placed) != shard.samples:
        what = f"holds {len(placed):,} samples where the manifest says {shard.samples:,}"
        return [Finding(shard.name, what)]
    wanted_samples = expected.samples() if expected else iter(placed)
    for found, wanted in zip(placed, wanted_samples, strict=True):
        if found != wanted:
            what = f"sample {found.key} is not as the index has it ({found}, index: {wanted})"
            return [Finding(shard.name, what)]
    return []


def _check_statistics(directory: Path, manifest: Manifest) -> list[Finding]:
    path = directory / STATISTICS
    if not path.is_file():
        return []
    try:
        Statistics.load(path, manifest.fingerprint)
    except StatisticsError as error:
        return [_finding(path, error)]
    return []


def _finding(path: Path, error: Exception) -> Finding:
    """Return what an error says, without the path at its head."""
    return Finding(path.name, str(error).removeprefix(f"{path}: "))
