"""Random numbers that stay the same: our own arithmetic on a raw counter-based stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Item = TypeVar("_Item")
_53_BITS = 2.0**-53


class Draws:
    """Numbers that belong to (seed, stream) alone, whoever draws them and when.

    numpy promises that the raw output of Philox never changes; it promises no such thing of what
    `Generator` makes of it.

    Args:
        seed: 0 to 2**63 - 1.
        stream: Which of the streams of this seed, 0 to 2**64 - 1.
    """

    def __init__(self, seed: int, stream: int) -> None:
        self._bits = np.random.Philox(key=np.array([seed, stream], np.uint64))

    def uniform(self, low: float, high: float) -> float:
        """Return a number from `low` up to, not including, `high`."""
        return low + (high - low) * ((int(self._bits.random_raw()) >> 11) * _53_BITS)

    def integer(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self.uniform(0, high - low + 1))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.uniform(0, 1) < probability

    def choice(self, items: Sequence[_Item], weights: Sequence[float]) -> _Item:
        """Return one of the items, each as probable as its weight says."""
        left = self.uniform(0, sum(weights))
        for item, weight in zip(items, weights, strict=True):
            left -= weight
            if left < 0:
                return item
        return items[-1]

    def levels(self, *shape: int) -> NDArray[np.uint8]:
        """Return uniform levels 0..255, uint8 of this shape."""
        count = int(np.prod(shape))
        raw = self._bits.random_raw(-(-count // 8)).astype("<u8")
        return raw.view(np.uint8)[:count].reshape(shape)

    def permutation(self, count: int) -> NDArray[np.int64]:
        """Return 0 to count - 1 in random order, int64 [count]."""
        order = np.argsort(self._bits.random_raw(count), kind="stable")
        return order.astype(np.int64)
