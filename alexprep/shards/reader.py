"""Read samples of a split by number, from any thread."""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import ShardError
from alexprep.shards.manifest import Manifest
from alexprep.shards.tar import read_image


class ShardReader:
    """The samples of one split, by number: 0 to n - 1, shard by shard.

    Opening checks the manifest, the index and the size of each shard, so that a set that was
    changed or cut is refused before work begins. Shards are opened when first read.

    Args:
        folder: The set of shards.
        split: "train" or "val".

    Raises:
        ShardError: no such split, or shards that were changed, cut or lost.
    """

    def __init__(self, folder: Path, split: str) -> None:
        self.folder = folder
        self.split = split
        self.manifest = Manifest.load(folder)
        if split not in self.manifest.splits:
            there = ", ".join(self.manifest.splits) or "none"
            raise ShardError(f"{folder}: has no split {split!r}; it has {there}")
        self.manifest.check_files(folder, [split])
        self.index = self.manifest.load_index(folder, split)
        self.size = self.manifest.settings.size
        self.extension = self.manifest.settings.format
        self._shards = self.manifest.of(split)
        # A list: bisect in it takes a tenth of the time of searchsorted for one number.
        self._ends: list[int] = np.cumsum(self.index.shard_sizes).tolist()
        self._fds: dict[int, int] = {}
        self._opening = threading.Lock()
        self._keys: list[str] | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def labels(self) -> NDArray[np.int32]:
        """Labels of all samples, int32 [n]."""
        return self.index.labels

    @property
    def shard_sizes(self) -> NDArray[np.int64]:
        """Samples in each shard, int64 [shards]."""
        return self.index.shard_sizes

    def read(self, number: int) -> bytes:
        """Return the encoded image of a sample.

        Raises:
            ShardError: the shard was cut or lost since it was opened.
        """
        shard = bisect_right(self._ends, number)
        fd = self._fds.get(shard)
        if fd is None:
            fd = self._open(shard)
        try:
            return read_image(fd, int(self.index.offsets[number]), int(self.index.sizes[number]))
        except (OSError, ShardError) as error:
            raise ShardError(f"{self.describe(number)}: cannot be read ({error})") from error

    def describe(self, number: int) -> str:
        """Name a sample for people: path of the shard and key."""
        shard = bisect_right(self._ends, number)
        return f"{self.folder / self._shards[shard].name}, sample {self.key(number)}"

    def key(self, number: int) -> str:
        """Return the key of a sample: "n01440764/n01440764_10026"."""
        if self._keys is None:
            self._keys = self.index.keys()
        return self._keys[number]

    def close(self) -> None:
        """Close the shards; a later read opens them again."""
        with self._opening:
            for fd in self._fds.values():
                os.close(fd)
            self._fds = {}

    def _open(self, shard: int) -> int:
        with self._opening:
            if shard not in self._fds:
                path = self.folder / self._shards[shard].name
                try:
                    self._fds[shard] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                except OSError as error:
                    raise ShardError(f"{path}: cannot be opened ({error.strerror})") from error
            return self._fds[shard]
