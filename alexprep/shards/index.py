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
        index._check(path)
        return index

    def _check(self, path: Path) -> None:
        n = len(self.offsets)
        shapes = {name: getattr(self, name).shape for name in _ARRAYS}
        expected = dict.fromkeys(("offsets", "sizes", "labels", "source_sizes"), (n,))
        expected["source_hashes"] = (n, 32)  # type: ignore[assignment]
        wrong = [name for name, shape in expected.items() if shapes[name] != shape]
        if wrong or int(self.shard_sizes.sum()) != n or int((self.key_text == 10).sum()) != n:
            raise ShardError(f"{path}: its arrays disagree about the number of samples; {_REMEDY}")


_REMEDY = "make the shards again with `alexprep shard`"
