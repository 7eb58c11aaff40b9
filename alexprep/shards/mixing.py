"""Whether the classes of a split are mixed over its shards as a permutation by chance would.

A set whose shards hold a few classes each (sorted, or shuffled in a small window) trains badly
wherever a reader shuffles less than all of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_STRANGE = 6.0  # standard deviations over chance: once in a billion sets


@dataclass(frozen=True)
class Mixing:
    """Classes in each shard, beside what chance gives for the same shard and class sizes."""

    classes: int  # that the split has
    found: NDArray[np.int64]  # [shards], different classes in each shard
    by_chance: NDArray[np.float64]  # [shards], their expectation
    chi_square: float  # of the table shards x classes
    expected: float  # its mean over all permutations of the samples
    deviation: float  # and its standard deviation

    @property
    def is_mixed(self) -> bool:
        """Whether the shards differ no more than by chance."""
        return self.chi_square <= self.expected + _STRANGE * self.deviation

    @property
    def poor(self) -> list[int]:
        """Numbers of the shards that hold less than half of the classes that chance would give."""
        if self.is_mixed:
            return []
        return np.flatnonzero(self.found < self.by_chance / 2).tolist()

    def sentence(self) -> str:
        """Return the figures and what they mean, for people."""
        if len(self.found) < 2 or self.classes < 2:
            return "one shard or one class: nothing to mix"
        verdict = "mixed as by chance" if self.is_mixed else "NOT mixed: shards differ in classes"
        return (
            f"{verdict}; {self.found.mean():,.1f} of {self.classes:,} classes in a shard, "
            f"{self.by_chance.mean():,.1f} by chance; chi-square {self.chi_square:,.0f}, "
            f"{self.expected:,.0f} +- {self.deviation:,.0f} by chance"
        )

    def warning(self, names: Sequence[str]) -> str | None:
        """Name the shards that lack classes; None where all are mixed as by chance."""
        if self.is_mixed:
            return None
        poor = [names[number] for number in self.poor] or ["all of them"]
        more = f" and {len(poor) - 3:,} more" if len(poor) > 3 else ""
        return (
            f"warning: classes are not mixed over the shards ({', '.join(poor[:3])}{more}): "
            f"{self.found.mean():,.1f} of {self.classes:,} in a shard, "
            f"{self.by_chance.mean():,.1f} by chance; a window of all samples helps, or shards "
            "made anew with `alexprep shard`"
        )


def mixing(labels: NDArray[np.int32], shard_sizes: NDArray[np.int64]) -> Mixing:
    """Compare the classes in each shard with chance.

    Args:
        labels: Of all samples of a split, int [n], shard by shard.
        shard_sizes: Samples in each shard, int [shards].
    """
    sizes = shard_sizes[shard_sizes > 0]
    in_class = np.bincount(labels)
    weights = np.divide(1.0, in_class, out=np.zeros(len(in_class)), where=in_class > 0)
    found, terms, start = [], 0.0, 0
    for size in shard_sizes.tolist():
        counts = np.bincount(labels[start : start + size], minlength=len(in_class))
        start += size
        found.append(int(np.count_nonzero(counts)))
        terms += float((counts.astype(np.float64) ** 2 * weights).sum()) / max(size, 1)
    in_class = in_class[in_class > 0]
    expected, deviation = _moments(sizes, in_class)
    return Mixing(
        classes=len(in_class),
        found=np.array(found, np.int64),
        by_chance=_classes_by_chance(shard_sizes, in_class),
        chi_square=len(labels) * (terms - 1),
        expected=expected,
        deviation=deviation,
    )


def _moments(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[float, float]:
    """Return mean and standard deviation of chi-square over all tables with these sums.

    Source: Haldane 1940; Dawson 1954, "A simplified expression for the variance of the
    chi-square function on a contingency table", Biometrika 41.
    """
    n = int(rows.sum())
    if n < 4:
        return 0.0, 0.0
    v1, w1 = _part(rows, n)
    v2, w2 = _part(columns, n)
    mean = n / (n - 1) * (len(rows) - 1) * (len(columns) - 1)
    variance = 2 * n / (n - 3) * (v1 - w1) * (v2 - w2) + n * n / (n - 1) * w1 * w2
    return mean, math.sqrt(max(variance, 0.0))


def _part(sums: NDArray[np.int64], n: int) -> tuple[float, float]:
    k = len(sums)
    return (k - 1) * (n - k) / (n - 1), (n * float((1 / sums).sum()) - k * k) / (n - 2)


def _classes_by_chance(
    shard_sizes: NDArray[np.int64], in_class: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return how many classes a shard of each size has by chance, float64 [shards]."""
    n = int(in_class.sum())
    kinds, times = np.unique(in_class, return_counts=True)
    by_size = {}
    for size in set(shard_sizes.tolist()):
        missing = [_missing(n, int(kind), size) for kind in kinds]
        by_size[size] = float(len(in_class) - np.dot(missing, times))
    return np.array([by_size[size] for size in shard_sizes.tolist()])


def _missing(n: int, members: int, size: int) -> float:
    """Return the probability that none of `members` of n samples is among `size` drawn."""
    left = n - members - size
    if left < 0:
        return 0.0
    return math.exp(
        math.lgamma(n - members + 1)
        + math.lgamma(n - size + 1)
        - math.lgamma(left + 1)
        - math.lgamma(n + 1)
    )
