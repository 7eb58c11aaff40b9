"""Sources and settings to shard tasks: which sample goes where. Pure, the same on any machine."""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import RawError
from alexprep.planning.labels import class_names, default_order
from alexprep.planning.planned import Planned, Samples, SplitSamples
from alexprep.raw.source import SPLITS, RawSet, some
from alexprep.settings import PrepSettings

AUTO_SHARDS = 64  # enough for any number of jobs and for shuffling by shards
AUTO_LEAST = 64  # samples a shard
AUTO_MOST = 5_000  # samples a shard; some 200 MB at 256x256


@dataclass(frozen=True)
class Task:
    """One shard to be. Its content depends on nothing but this and the settings."""

    split: str
    number: int  # from 0 in each split
    samples: Sequence[Planned]

    @property
    def name(self) -> str:
        """The shard's file name without its extension: "train-000000"."""
        return f"{self.split}-{self.number:06d}"


@dataclass(frozen=True)
class Plan:
    """All shards of a set, and what they have in common."""

    settings: PrepSettings
    classes: tuple[str, ...]  # a label is a position in it
    words: dict[str, str]  # class -> words, for those that have some
    glosses: dict[str, str]  # class -> gloss, for those that have one
    tasks: tuple[Task, ...]  # split by split, each from shard 0 on
    raw: str  # the layout
    label_order: str
    warnings: tuple[str, ...]  # sentences on what is allowed but seldom meant

    def samples(self, split: str | None = None) -> int:
        """Return the number of planned samples, of one split or of all."""
        return sum(len(task.samples) for task in self.tasks if split in (None, task.split))

    def digest(self) -> str:
        """Return a SHA-256 over shards, keys, labels and source sizes, in hexadecimal.

        An unfinished set is continued only where it is unchanged. Names outside the keys and
        places on the disk do not count: the raw set may move or be packed in between.
        """
        digest = hashlib.sha256()
        for task in self.tasks:
            lines = [f"{key}\t{label}\t{source.size}\n" for key, label, source in task.samples]
            digest.update("".join((task.name, "\n", *lines)).encode("ascii"))
        return digest.hexdigest()


def make_plan(
    raw: RawSet,
    settings: PrepSettings,
    splits: Sequence[str] | None = None,
    label_order: str | None = None,
) -> Plan:
    """Plan all shards of `splits` (default: all that the raw set has).

    Labels come from the whole raw set, whichever splits are planned. Each split is permuted by
    the seed over its whole length, then cut.

    Raises:
        RawError: a split is asked for that the raw set does not have or that cannot be read, or
            the label order needs a devkit that is not there.
    """
    there = [split for split in SPLITS if split in raw.splits or split in raw.unusable]
    wanted = tuple(there) if splits is None else tuple(dict.fromkeys(splits))
    for split in wanted:
        if split in raw.unusable:
            others = f"; or prepare {some(raw.splits)} alone with --split" if raw.splits else ""
            raise RawError(f"{raw.unusable[split]}{others}")
        if split not in raw.splits:
            raise RawError(f"{raw.root}: no {split} split in it, only {some(raw.splits)}")
    order = label_order or default_order(raw)
    classes = class_names(raw, order)
    tasks = [
        task
        for split in wanted
        for task in _cut(split, SplitSamples(raw.splits[split], classes), settings)
    ]
    return Plan(
        settings=settings,
        classes=classes,
        words={name: raw.words[name] for name in classes if name in raw.words},
        glosses={name: raw.glosses[name] for name in classes if name in raw.glosses},
        tasks=tuple(tasks),
        raw=raw.layout,
        label_order=order,
        warnings=tuple(_warnings(raw, classes)),
    )


def permutation(seed: int, split: str, count: int) -> NDArray[np.int64]:
    """Return the order of a split's samples, int64 [count].

    A stable sort of raw 64-bit Philox numbers: numpy promises those to stay the same for ever,
    which it does not for `Generator.permutation`.
    """
    key = np.array([seed, zlib.crc32(split.encode())], dtype=np.uint64)
    return np.argsort(np.random.Philox(key=key).random_raw(count), kind="stable")


def shard_lengths(count: int, shard_size: int | None) -> list[int]:
    """Return how many samples each shard of a split gets; they differ by one at most.

    Args:
        count: Samples of the split, at least 1.
        shard_size: The most that a shard may hold; None: 64 shards where that leaves 64 samples or
            more in each, fewer where it does not, more where a shard would exceed 5,000.
    """
    if shard_size is None:
        fewest = -(-count // AUTO_MOST)
        shards = max(fewest, min(AUTO_SHARDS, count // AUTO_LEAST), 1)
    else:
        shards = -(-count // shard_size)
    length, longer = divmod(count, shards)
    return [length + 1] * longer + [length] * (shards - longer)


def _cut(split: str, planned: SplitSamples, settings: PrepSettings) -> list[Task]:
    order = permutation(settings.seed, split, len(planned))
    tasks, start = [], 0
    for number, length in enumerate(shard_lengths(len(planned), settings.shard_size)):
        places = array("i", order[start : start + length].tolist())  # 4 bytes for each image
        tasks.append(Task(split, number, Samples(places, planned.at)))
        start += length
    return tasks


def _warnings(raw: RawSet, classes: tuple[str, ...]) -> list[str]:
    found = []
    if len(classes) == 1:
        found.append(f"only one class ({some(classes)}): there is nothing to learn from it")
    if raw.empty:
        found.append(f"{_folders(len(raw.empty))} without a file, left out: {some(raw.empty)}")
    if "train" in raw.splits:
        learnt = {source.class_name for source in raw.splits["train"]}
        never = [name for name in classes if name not in learnt]
        if never:
            others = " or ".join(split for split in raw.splits if split != "train")
            found.append(f"in {others} but not in train, so never learnt: {some(never)}")
    return found


def _folders(count: int) -> str:
    return "1 class folder" if count == 1 else f"{count:,} class folders"
