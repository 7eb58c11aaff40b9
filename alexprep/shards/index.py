"""The index of a split: where each sample lies and what it was made from, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import ShardError
from alexprep.files import write_atomically
from alexprep.shards.npz import load_arrays, to_bytes
from alexprep.shards.tar import Placed

# every array of the file, with the type it must have
_ARRAYS = {
    "shard_sizes": np.dtype("<i8"),
    "offsets": np.dtype("<i8"),
    "sizes": np.dtype("<i4"),
    "labels": np.dtype("<i4"),
    "source_sizes": np.dtype("<i8"),
    "source_hashes": np.dtype("u1"),
    "key_text": np.dtype("u1"),
}


def index_name(split: str) -> str:
    """Return the name of a split's index: "index-train.npz"."""
    return f"index-{split}.npz"


@dataclass(frozen=True)
class Index:
    """All n samples of a split, shard by shard, in the order in which they lie there."""

    shard_sizes: NDArray[np.int64]  # [shards], samples in each
    offsets: NDArray[np.int64]  # [n], first byte of the encoded image in its shard
    sizes: NDArray[np.int32]  # [n], bytes of the encoded image
    labels: NDArray[np.int32]  # [n]
    source_sizes: NDArray[np.int64]  # [n], bytes of the raw file
    source_hashes: NDArray[np.uint8]  # [n, 32], SHA-256 of the raw file
    key_text: NDArray[np.uint8]  # the keys in ASCII, each ended by a newline

    def __len__(self) -> int:
        return len(self.offsets)

    @classmethod
    def build(
        cls,
        shards: Sequence[Sequence[Placed]],
        source_sizes: Sequence[int],
        source_hashes: Sequence[str],
    ) -> Index:
        """Make the index of shards that have been written.

        Args:
            shards: For each shard, where its samples lie.
            source_sizes: Bytes of the raw file of each of the n samples, shard by shard.
            source_hashes: Their SHA-256 in hexadecimal.
        """
        placed = [sample for shard in shards for sample in shard]
        text = "".join(f"{sample.key}\n" for sample in placed).encode("ascii")
        hashes = np.frombuffer(bytes.fromhex("".join(source_hashes)), np.uint8)
        return cls(
            shard_sizes=np.array([len(shard) for shard in shards], "<i8"),
            offsets=np.array([sample.offset for sample in placed], "<i8"),
            sizes=np.array([sample.size for sample in placed], "<i4"),
            labels=np.array([sample.label for sample in placed], "<i4"),
            source_sizes=np.array(source_sizes, "<i8"),
            source_hashes=hashes.reshape(-1, 32),
            key_text=np.frombuffer(text, np.uint8),
        )

    def keys(self) -> list[str]:
        """Return the keys of all samples, in order."""
        return self.key_text.tobytes().decode("ascii").split("\n")[:-1]

    def shard_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for sample numbers (0 to n - 1) the numbers of the shards that hold them."""
        return np.searchsorted(np.cumsum(self.shard_sizes), numbers, side="right").astype(np.int64)

    def save(self, path: Path) -> None:
        """Write the arrays as .npz: the same arrays give the same bytes."""
        write_atomically(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        return to_bytes({name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def load(cls, path: Path) -> Index:
        """Read an index back.

        Raises:
            ShardError: the file is missing, damaged, or its arrays contradict each other.
        """
        try:
            arrays = load_arrays(path, tuple(_ARRAYS))
        except FileNotFoundError as error:
            raise ShardError(f"{path}: is missing; {_REMEDY}") from error
        except ValueError as error:
            raise ShardError(f"{path}: is damaged ({error}); {_REMEDY}") from error
        for name, kind in _ARRAYS.items():
            if arrays[name].dtype != kind:
                found = arrays[name].dtype
                raise ShardError(f"{path}: its {name} are {found}, not {kind}; {_REMEDY}")
        index = cls(**arrays)
        index.check(path)
        return index

    def ends(self) -> NDArray[np.int64]:
        """Return for each shard the byte at which its last image ends, 0 where it has none."""
        after = np.concatenate(([0], self.offsets + self.sizes))
        return np.where(self.shard_sizes > 0, after[np.cumsum(self.shard_sizes)], 0)

    def check(self, path: Path) -> None:
        """Check that the arrays belong together and can be true; `path` is for messages.

        Raises:
            ShardError: they contradict each other, or a place, label or key is impossible.
        """
        n = self.offsets.size
        expected: dict[str, tuple[int, ...]] = dict.fromkeys(_ARRAYS, (n,))
        expected["source_hashes"] = (n, 32)
        expected["shard_sizes"], expected["key_text"] = (
            (self.shard_sizes.size,),
            (self.key_text.size,),
        )
        wrong = [name for name, shape in expected.items() if getattr(self, name).shape != shape]
        in_range = 0 <= self.shard_sizes.min(initial=0) <= self.shard_sizes.max(initial=0) <= n
        keys = int((self.key_text == _NEWLINE).sum())
        if wrong or not in_range or int(self.shard_sizes.sum()) != n or keys != n:
            raise ShardError(f"{path}: its arrays disagree about the number of samples; {_REMEDY}")
        if not self._places_follow() or self.labels.min(initial=0) < 0:
            raise ShardError(f"{path}: places or labels in it are impossible; {_REMEDY}")
        if not _are_keys(self.key_text):
            raise ShardError(f"{path}: holds keys that are not <class>/<stem>; {_REMEDY}")

    def _places_follow(self) -> bool:
        """Tell whether the images of each shard lie one after the other, none empty."""
        low = min(self.offsets.min(initial=0), self.sizes.min(initial=1) - 1)
        if low < 0 or self.offsets.max(initial=0) > _FARTHEST:
            return False
        shards = np.repeat(np.arange(self.shard_sizes.size), self.shard_sizes)
        overlap = self.offsets[1:] < (self.offsets + self.sizes)[:-1]
        return not bool((overlap & (shards[1:] == shards[:-1])).any())


def _are_keys(text: NDArray[np.uint8]) -> bool:
    """Tell whether lines are `<class>/<stem>` in the bytes of sample.py: no dot, no path out."""
    between = np.flatnonzero((text == _SLASH) | (text == _NEWLINE))
    alternate = (text[between[::2]] == _SLASH).all() and (text[between[1::2]] == _NEWLINE).all()
    gaps = np.diff(between, prepend=-1)
    whole = between.size == 0 or between[-1] == text.size - 1
    return bool(_ALLOWED[text].all() and alternate and (gaps > 1).all() and whole)


_NEWLINE, _SLASH = ord("\n"), ord("/")
_ALLOWED = np.zeros(256, bool)
_ALLOWED[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-%/\n")] = True
_FARTHEST = 1 << 62  # an offset to which a size can be added
_REMEDY = "make the shards again with `alexprep shard`"
