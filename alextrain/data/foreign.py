"""The samples of tars that others made, streamed through webdataset in an order of their own.

Members are taken as bytes, an image and a label under one key; nothing of a tar is decoded by its
name, and nothing is executed.
"""

from __future__ import annotations

import os
import random
import tarfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from alexprep.errors import RawError, ShardError
from alexprep.raw.sidecars import IMAGES, LABELS, MAX_LABEL, read_label
from alexprep.raw.tarwalk import walk
from alextrain.data.stream import SHARD_ORDER, permutation, raw_words
from alextrain.data.tar_cache import brought
from alextrain.data.tars import shown

BUFFER = 1000  # samples that are mixed with each other


class Taken(NamedTuple):
    """One sample as it lies in a tar."""

    title: str  # tar and key, for messages
    image: bytes
    label: int


@dataclass(frozen=True)
class Stream:
    """Tars, and the order in which their samples come."""

    tars: tuple[str, ...]  # paths and URLs
    seed: int | None = None  # None: as they lie

    def epoch(self, number: int) -> Iterator[Taken]:
        """Yield the samples of an epoch: tars permuted, then mixed in a buffer.

        Raises:
            ShardError: a tar is cut or damaged, or an image has no label that is a number.
            RawError: a server fails.
            DiskError: there is no room for a copy.
        """
        if self.seed is None:
            yield from _samples(self.tars)
            return
        from webdataset.filters import shuffle  # noqa: PLC0415  # slow to import

        words = raw_words(SHARD_ORDER, self.seed, number, 0, -(-len(self.tars) // 4) * 4)
        order = permutation(words[: len(self.tars)])
        rng = random.Random(f"{self.seed} {number}")  # noqa: S311  # webdataset asks for one
        mixed = shuffle(BUFFER, initial=BUFFER, rng=rng)
        yield from mixed(_samples([self.tars[i] for i in order.tolist()]))


def count_samples(tars: Sequence[Path]) -> int:
    """Count the images in tars by their headers.

    Raises:
        RawError: a tar is cut or damaged.
    """
    return sum(_extension(name) in IMAGES for tar in tars for name, _, _ in walk(str(tar)))


def _extension(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[2].lower()


def _wanted(name: str) -> bool:
    return _extension(name) in (*IMAGES, *LABELS)


def _samples(tars: Sequence[str]) -> Iterator[Taken]:
    from webdataset.tariterators import (  # noqa: PLC0415  # slow to import
        group_by_keys,
        tar_file_expander,
    )

    reading = ""

    def opened(paths: Iterator[tuple[str, Path]]) -> Generator[dict[str, Any]]:
        nonlocal reading
        for tar, path in paths:
            reading = str(path)  # a copy that is damaged here is to be removed here
            with path.open("rb") as stream:
                _check_end(stream)
                yield {"url": shown(tar), "stream": stream}

    with brought(tars) as paths, closing(opened(paths)) as files:
        try:
            members = tar_file_expander(files, select_files=_wanted)
            for sample in group_by_keys(members):
                if (taken := _taken(sample)) is not None:
                    yield taken
        except PermissionError as error:
            raise ShardError(
                f"{reading}: cannot be read (Permission denied); see to its permissions"
            ) from error
        except (tarfile.TarError, EOFError, ValueError, OSError) as error:
            reason = str(error.args[0] if error.args else type(error).__name__).partition(" @ ")[0]
            raise ShardError(
                f"{reading}: is cut or damaged ({reason}); remove it and fetch or make it again"
            ) from error


def _check_end(tar: BinaryIO) -> None:
    """See that a tar ends in zeros: one that is cut between two members is read without an error.

    Raises:
        EOFError: it does not.
    """
    size = tar.seek(0, os.SEEK_END)
    tar.seek(max(0, size - tarfile.BLOCKSIZE))
    if any(tar.read()):
        raise EOFError("there is no end mark")
    tar.seek(0)


def _taken(sample: dict[str, Any]) -> Taken | None:
    """Return image and label; None where there is no image under the key."""
    image = next((sample[name] for name in IMAGES if name in sample), None)
    if image is None:
        return None
    title = f"{sample['__url__']}, {sample['__key__']}"
    beside = next((name for name in LABELS if name in sample), None)
    try:
        data = b"" if beside is None else sample[beside][: MAX_LABEL + 1]
        label = read_label(f"{title}.{beside}", beside or "", data)
    except RawError as error:
        raise ShardError(str(error)) from error
    if not isinstance(label, int) or label < 0:
        found = "no label" if label is None else f"the label {label!r:.50}"
        raise ShardError(
            f"{title}: has {found}; expected a number from 0 on, in .cls or .json; make shards of "
            "these tars with `alexprep shard`, which takes texts and leaves out what has no label"
        )
    return Taken(title, image, label)
