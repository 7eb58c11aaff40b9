"""In what two sets of shards differ: settings, codec, classes, samples, pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import ImageError, ShardError
from alexprep.measuring.stored import decode_stored
from alexprep.raw.source import some
from alexprep.shards.manifest import Manifest
from alexprep.shards.reader import ShardReader
from alexprep.threads import Beat, in_threads

SAMPLE = 500  # common samples of a split whose pixels are compared, unless all are
_BATCH = 64


def compare(
    first: Path,
    second: Path,
    *,
    most: int | None = SAMPLE,
    jobs: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Return one line for each thing in which two sets differ; nothing where they are the same.

    "A" is the first, "B" the second. Samples are the same where their keys are, wherever they lie.

    Args:
        first: A finished set of shards.
        second: Another.
        most: Common samples of each split whose pixels are compared, evenly spread; None for all.
        jobs: Threads; None for one a core.
        on_progress: Hears how many samples' pixels were compared since it was last called.

    Raises:
        ShardError: a set that is unfinished, changed or damaged.
    """
    a, b = Manifest.load(first), Manifest.load(second)
    lines = [f"settings: {each}" for each in a.settings.differences(b.settings)]
    lines += _mappings("codec", a.codec, b.codec)
    for name in ("label_order", "layout"):
        mine, theirs = getattr(a, name), getattr(b, name)
        if mine != theirs:
            lines.append(f"{name.replace('_', ' ')}: {mine} and {theirs}")
    lines += _classes(a, b)
    for split in dict.fromkeys((*a.splits, *b.splits)):
        if split not in a.splits or split not in b.splits:
            lines.append(f"{split}: only in {'A' if split in a.splits else 'B'}")
            continue
        with closing(ShardReader(first, split)) as one, closing(ShardReader(second, split)) as two:
            lines += _splits(one, two, most, jobs, on_progress)
    return lines


def _mappings(what: str, a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*a, *b}):
        if a.get(name) != b.get(name):
            yield f"{what}: {name} {str(a.get(name))[:24]} and {str(b.get(name))[:24]}"


def _classes(a: Manifest, b: Manifest) -> Iterator[str]:
    mine = {name: label for label, name in enumerate(a.classes)}
    theirs = {name: label for label, name in enumerate(b.classes)}
    for where, names in (("A", mine.keys() - theirs.keys()), ("B", theirs.keys() - mine.keys())):
        if names:
            yield f"classes: {len(names):,} only in {where} ({some(names)})"
    moved = [name for name in mine if mine[name] != theirs.get(name, mine[name])]
    if moved:
        shown = some(f"{name} {mine[name]} and {theirs[name]}" for name in moved)
        yield f"classes: {len(moved):,} with other labels ({shown})"
    words = dict(zip(b.classes, b.words, strict=True))
    named = [
        name for name, own in zip(a.classes, a.words, strict=True) if words.get(name, own) != own
    ]
    if named:
        yield f"classes: {len(named):,} with other words ({some(named)})"


def _splits(
    a: ShardReader,
    b: ShardReader,
    most: int | None,
    jobs: int | None,
    on_progress: Callable[[int], None] | None,
) -> Iterator[str]:
    split = a.split
    mine, theirs = a.index.keys(), b.index.keys()
    place = {key: number for number, key in enumerate(theirs)}
    common = [(key, number, place[key]) for number, key in enumerate(mine) if key in place]
    for where, only in (("A", set(mine) - place.keys()), ("B", place.keys() - set(mine))):
        if only:
            yield f"{split}: {_samples(len(only))} only in {where} ({some(only)})"
    if not common:
        return
    here = np.array([number for _, number, _ in common])
    there = np.array([number for _, _, number in common])
    differing = {
        "in another shard": a.index.shard_of(here) != b.index.shard_of(there),
        "with another label": a.labels[here] != b.labels[there],
        "made from other raw files": np.any(
            a.index.source_hashes[here] != b.index.source_hashes[there], axis=1
        ),
    }
    for what, mask in differing.items():
        if mask.any():
            keys = (common[i][0] for i in np.flatnonzero(mask).tolist())
            yield f"{split}: {_samples(int(mask.sum()))} {what} ({some(keys)})"
    if not common or a.size != b.size:
        return  # the settings have said so
    yield from _pixels(a, b, _spread(common, most), jobs, on_progress)


def _samples(count: int) -> str:
    return "1 sample" if count == 1 else f"{count:,} samples"


class _Pair(NamedTuple):
    key: str
    here: int  # sample number in A
    there: int  # and in B


def _spread(common: Sequence[tuple[str, int, int]], most: int | None) -> list[_Pair]:
    """Return so many common samples, evenly spread over A."""
    if most is None or most >= len(common):
        return [_Pair(*entry) for entry in common]
    return [_Pair(*common[i * len(common) // most]) for i in range(most)]


def _pixels(
    a: ShardReader,
    b: ShardReader,
    pairs: Sequence[_Pair],
    jobs: int | None,
    on_progress: Callable[[int], None] | None,
) -> Iterator[str]:
    def work(batch: Sequence[_Pair], beat: Beat) -> list[tuple[str, int]]:
        buffers = [np.empty((a.size, a.size, 4), np.uint8) for _ in range(2)]
        found = []
        for pair in batch:
            data = a.read(pair.here), b.read(pair.there)
            if data[0] != data[1] or a.extension != b.extension:
                mine = _decode(a, pair.here, data[0], buffers[0])
                theirs = _decode(b, pair.there, data[1], buffers[1])
                largest = int(np.abs(mine.astype(np.int16) - theirs).max())
                if largest:
                    found.append((pair.key, largest))
            beat(1)
        return found

    batches = [pairs[i : i + _BATCH] for i in range(0, len(pairs), _BATCH)]
    found = sorted(
        one for some_found in in_threads(work, batches, jobs, on_progress) for one in some_found
    )
    if found:
        largest = max(level for _, level in found)
        yield (
            f"{a.split}: the pixels of {len(found):,} of {len(pairs):,} samples compared differ, "
            f"by {largest} levels at most ({some(key for key, _ in found)})"
        )


def _decode(
    reader: ShardReader, number: int, data: bytes, buffer: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    try:
        return decode_stored(data, reader.extension, buffer)
    except ImageError as error:
        raise ShardError(f"{reader.describe(number)}: {error}") from error
