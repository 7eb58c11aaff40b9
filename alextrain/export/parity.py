"""Whether an exported network answers as the network that it was made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from alexprep.shards.reader import ShardReader
from alextrain.data.loader import read_pictures
from alextrain.errors import ExportError

IMAGES = 64  # compared
BATCHES = (1, 7, 56)  # in which they are given: the number of images is free
LARGEST = 1e-4  # difference of two probabilities that float32 explains

Forward = Callable[[NDArray[Any]], NDArray[np.float32]]


@dataclass(frozen=True)
class Parity:
    """How two networks agree."""

    images: int
    real: bool  # of shards; else generated
    top1_agreement: float  # share of images with the same first guess
    largest_difference: float  # of two probabilities

    def sentence(self) -> str:
        """Say it in one line."""
        kind = "real" if self.real else "generated"
        return (
            f"{self.images} {kind} images: the first guess agrees on {self.top1_agreement:.1%}, "
            f"probabilities differ by {self.largest_difference:.1e} at most"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for a file's metadata."""
        return asdict(self)

    def check(self, what: str) -> Parity:
        """Return self where the two agree.

        Where no probability differs by more than LARGEST, first guesses differ by ties alone
        (`compare`), so agreement must then be whole.

        Raises:
            ExportError: they do not.
        """
        near = self.largest_difference <= LARGEST  # False also where it is no number
        if not (near and self.top1_agreement == 1):
            raise ExportError(
                f"{what}: does not answer as its checkpoint ({self.sentence()}; {LARGEST:g} is "
                "allowed); nothing was written: please report this with the versions of torch and "
                "of the exporter"
            )
        return self


def compare(expected: NDArray[np.float32], found: NDArray[np.float32], *, real: bool) -> Parity:
    """Compare probabilities [n, classes] of the same images.

    Two first guesses whose probabilities are nearer to each other than the networks are (a tie)
    count as agreeing.
    """
    largest = float(np.abs(expected - found).max())
    rows = np.arange(len(expected))
    best, theirs = expected.argmax(1), found.argmax(1)
    tied = expected[rows, best] - expected[rows, theirs] <= 2 * LARGEST
    return Parity(len(expected), real, float(((best == theirs) | tied).mean()), largest)


def in_batches(forward: Forward, images: NDArray[Any]) -> NDArray[np.float32]:
    """Run a network on images in batches of different sizes; return all rows."""
    edges = [0, *np.cumsum(BATCHES)[:-1].tolist(), len(images)]
    parts = [images[a:b] for a, b in pairwise(edges) if a < b]
    return np.concatenate([forward(part) for part in parts])


def sample_images(reader: ShardReader | None, size: int) -> NDArray[np.uint8]:
    """Return images to compare on, uint8 [n, S, S, 3]: of a split, or generated ones."""
    if reader is None:
        return _generated(size)
    numbers = np.linspace(0, len(reader) - 1, min(IMAGES, len(reader))).astype(int).tolist()
    return read_pictures(reader, numbers)


def _generated(size: int) -> NDArray[np.uint8]:
    """Return smooth colours, coarse and fine: what photographs consist of."""
    words = np.random.Philox(key=[1, 2]).random_raw(IMAGES * 3 * 81)
    coarse = (words >> np.uint64(56)).astype(np.float32).reshape(IMAGES, 3, 9, 9)
    smooth = torch.nn.functional.interpolate(torch.from_numpy(coarse), (size, size), mode="bicubic")
    levels = smooth.clamp(0, 255).permute(0, 2, 3, 1)
    return levels.to(torch.uint8).numpy()
