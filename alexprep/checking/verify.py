"""Check a set of shards against its manifest and its index, byte by byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alexprep.checking.verify_beside import Finding, check_beside, finding
from alexprep.errors import ImageError, ShardError
from alexprep.files import sha256_file
from alexprep.measuring.stored import decode_stored
from alexprep.raw.source import some
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index, index_name
from alexprep.shards.manifest import FOREIGN, MANIFEST, Manifest, ShardRecord
from alexprep.shards.tar import Placed, read_shard
from alexprep.threads import Beat, in_threads


def verify(
    directory: Path,
    jobs: int | None = None,
    on_progress: Callable[[int], None] | None = None,
    *,
    deep: bool = False,
) -> list[Finding]:
    """Check every byte: hashes, counts, keys, labels, places of all samples, and what is beside.

    Args:
        directory: A finished set of shards.
        jobs: Threads (hashing releases Python's lock); None for one a core.
        on_progress: Hears the number of bytes hashed since it was last called, in the calling
            thread, several times a second.
        deep: Decode every image too.

    Returns:
        What is wrong, in order of the manifest; nothing if all is as it was written.

    Raises:
        ShardError: no finished set, or a manifest that was changed.
    """
    manifest = Manifest.load(directory)
    findings, expected = _expected(directory, manifest)
    settings = manifest.settings
    place = {shard.name: number for number, shard in enumerate(manifest.shards)}

    def check(shard: ShardRecord, beat: Beat) -> list[Finding]:
        samples = expected.get(shard.name)
        found = _check_shard(directory / shard.name, shard, samples, manifest, beat)
        if found or not deep:
            return found
        return _check_images(_stored(directory / shard.name, samples, manifest), shard, settings)

    found = in_threads(check, manifest.shards, jobs, on_progress)
    findings += sorted((one for part in found for one in part), key=lambda one: place[one.file])
    for path in sorted(directory.glob("*.tar")):
        if path.name not in place:
            findings.append(Finding(path.name, "the manifest does not list this shard", "move"))
    return findings + check_beside(directory, manifest)


def remedy(directory: Path, findings: Sequence[Finding], *, made: bool = True) -> str:
    """Return the command that mends what was found, the most serious first.

    Args:
        directory: The set.
        findings: Of `verify`.
        made: From raw images; not of tars that others made.
    """
    cures = {one.cure for one in findings}
    if "repair" in cures and not made:
        return (
            f"get what is damaged again from where the tars came from, remove "
            f"{directory / MANIFEST}, then: alexprep import {directory}"
        )
    if "repair" in cures:
        return f"make it anew from the raw images: alexprep verify {directory} --repair RAW"
    if "move" in cures:
        names = [one.file for one in findings if one.cure == "move"]
        return f"move away what does not belong there: {some(names)}"
    return f"measure again: alexprep stats {directory}"


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
            index = manifest.load_index(directory, split)
        except ShardError as error:
            findings.append(finding(directory / index_name(split), error))
            continue
        keys, start = index.keys(), 0
        for shard, size in zip(manifest.of(split), index.shard_sizes.tolist(), strict=True):
            expected[shard.name] = _Expected(index, keys, range(start, start + size))
            start += size
    return findings, expected


def _check_shard(
    path: Path, shard: ShardRecord, expected: _Expected | None, manifest: Manifest, beat: Beat
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
        placed = [sample for sample, _ in _stored(path, expected, manifest)]
        findings += _compare(shard, expected, placed)
    except ShardError as error:
        findings.append(finding(path, error))
    return findings


def _stored(
    path: Path, expected: _Expected | None, manifest: Manifest
) -> Iterator[tuple[Placed, bytes]]:
    """Read a shard with every check; one that others made, by its index alone."""
    if manifest.layout != FOREIGN or expected is None:
        yield from read_shard(path, manifest.settings.format)
        return
    with path.open("rb") as file:
        for wanted in expected.samples():
            file.seek(wanted.offset)
            yield wanted, file.read(wanted.size)


def _check_images(
    samples: Iterator[tuple[Placed, bytes]], shard: ShardRecord, settings: PrepSettings
) -> list[Finding]:
    """Decode all images of a shard whose bytes are as they were written."""
    buffer = np.empty((settings.size, settings.size, 4), np.uint8)
    for placed, image in samples:
        try:
            decode_stored(image, settings.format, buffer)
        except ImageError as error:
            return [Finding(shard.name, f"sample {placed.key} {error}")]
    return []


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
