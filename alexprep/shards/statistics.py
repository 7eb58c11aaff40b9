"""Statistics of a split: exact integer sums, and what follows from them in float64."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import StatisticsError
from alexprep.shards.npz import load_arrays, save_arrays, to_bytes

STATISTICS = "stats.npz"
_KINDS = {  # of the arrays: signed integers and texts, and their dimensions
    "count": ("i", 0),
    "pixel_sum": ("i", 3),
    "outer_sum": ("i", 2),
    "fingerprint": ("U", 0),
    "split": ("U", 0),
}
_STORED = tuple(_KINDS)
_DERIVED = (
    "mean_image",
    "channel_mean",
    "channel_std",
    "covariance",
    "eigenvalues",
    "eigenvectors",
)


@dataclass(frozen=True)
class Statistics:
    """Sums over all prepared images of a split, in levels (0 to 255).

    Integers add exactly, so any number of jobs in any order gives the same bits.
    """

    count: int  # images
    pixel_sum: NDArray[np.int64]  # [S, S, 3], sum of the images
    outer_sum: NDArray[np.int64]  # [3, 3], sum of rgb rgb^T over all pixels
    fingerprint: str  # of the shards
    split: str  # "train", or several joined by "+"

    @cached_property
    def mean_image(self) -> NDArray[np.float32]:
        """Mean image [S, S, 3], levels (the paper's section 2)."""
        return (self.pixel_sum / self.count).astype(np.float32)

    @property
    def channel_mean(self) -> NDArray[np.float64]:
        """Mean of R, G, B over all pixels [3], levels."""
        return np.asarray(self.pixel_sum.sum(axis=(0, 1)) / self._pixels, np.float64)

    @property
    def channel_std(self) -> NDArray[np.float64]:
        """Standard deviation of R, G, B over all pixels [3], levels."""
        return np.sqrt(np.diagonal(self.covariance))

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Covariance of R, G, B over all pixels [3, 3], levels squared.

        n * sum(xy) - sum(x) * sum(y) cancels most of its digits; Python's integers keep them all.
        """
        n = self._pixels
        sums = [int(value) for value in self.pixel_sum.sum(axis=(0, 1))]
        exact = [
            [(n * int(self.outer_sum[i, j]) - sums[i] * sums[j]) / (n * n) for j in range(3)]
            for i in range(3)
        ]
        return np.array(exact, np.float64)

    @property
    def eigenvalues(self) -> NDArray[np.float64]:
        """Variances along the principal axes of colour, descending [3], levels squared."""
        return self._eigen()[0]

    @property
    def eigenvectors(self) -> NDArray[np.float64]:
        """Principal axes of colour as columns [3, 3], rows R, G, B.

        An axis has no sign of its own: the largest component of each is made positive.
        """
        return self._eigen()[1]

    @property
    def _pixels(self) -> int:
        return self.count * (self.pixel_sum.size // 3)

    def _eigen(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        values, vectors = np.linalg.eigh(self.covariance)
        values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
        largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(3)]
        return values, vectors * np.where(largest < 0, -1.0, 1.0)

    def save(self, path: Path) -> None:
        """Write sums and derived arrays as .npz: the same sums give the same bytes."""
        stored: dict[str, NDArray[Any]] = {
            "count": np.array(self.count, np.int64),
            "pixel_sum": self.pixel_sum,
            "outer_sum": self.outer_sum,
            "fingerprint": np.array(self.fingerprint),
            "split": np.array(self.split),
        }
        save_arrays(path, stored | {name: getattr(self, name) for name in _DERIVED})

    def check_file(self, path: Path) -> None:
        """Check every byte of the file that these statistics were read from.

        Derived arrays may differ from those computed here in their last digits: another machine
        with another linear algebra may have written them.

        Raises:
            StatisticsError: a derived array does not follow from the sums, or a byte was changed.
        """
        remedy = f"make it anew with `alexprep stats {path.parent}`"
        try:
            arrays = load_arrays(path, (*_STORED, *_DERIVED))
        except ValueError as error:
            raise StatisticsError(f"{path}: is damaged ({error}); {remedy}") from error
        for name in _DERIVED:
            expected = getattr(self, name)
            shaped = arrays[name].shape == expected.shape and arrays[name].dtype == expected.dtype
            if not shaped or not np.allclose(arrays[name], expected, rtol=1e-6, atol=1e-6):
                raise StatisticsError(f"{path}: its {name} do not follow from its sums; {remedy}")
        if to_bytes(arrays) != path.read_bytes():
            raise StatisticsError(f"{path}: was changed after it was written; {remedy}")

    @classmethod
    def load(cls, path: Path, expect_fingerprint: str | None = None) -> Statistics:
        """Read statistics back; what is derived is computed anew from the sums.

        Raises:
            StatisticsError: missing, damaged, or of other shards than `expect_fingerprint`.
        """
        try:
            arrays = load_arrays(path, _STORED)
        except FileNotFoundError as error:
            raise StatisticsError(
                f"{path}: is missing; make it with `alexprep stats {path.parent}`"
            ) from error
        except ValueError as error:
            raise StatisticsError(
                f"{path}: is damaged ({error}); make it anew with `alexprep stats {path.parent}`"
            ) from error
        kinds = {name: (arrays[name].dtype.kind, arrays[name].ndim) for name in _STORED}
        if kinds != _KINDS:
            raise StatisticsError(_no_sums(path))
        found = cls(
            count=int(arrays["count"]),
            pixel_sum=arrays["pixel_sum"],
            outer_sum=arrays["outer_sum"],
            fingerprint=str(arrays["fingerprint"]),
            split=str(arrays["split"]),
        )
        found._check(path, expect_fingerprint)
        return found

    def _check(self, path: Path, expect_fingerprint: str | None) -> None:
        square = self.pixel_sum.ndim == 3 and self.pixel_sum.shape == (
            *self.pixel_sum.shape[:1] * 2,
            3,
        )
        if self.count < 1 or not square or self.outer_sum.shape != (3, 3) or not self._possible():
            raise StatisticsError(_no_sums(path))
        if expect_fingerprint is not None and self.fingerprint != expect_fingerprint:
            raise StatisticsError(
                f"{path}: belongs to other shards (fingerprint {self.fingerprint[:16]}; these have "
                f"{expect_fingerprint[:16]}); make it anew with `alexprep stats {path.parent}`"
            )

    def _possible(self) -> bool:
        """Tell whether levels from 0 to 255 can have these sums."""
        pixels, outer = self.pixel_sum, self.outer_sum
        if not pixels.size or pixels.min() < 0 or int(pixels.max()) > 255 * self.count:
            return False
        return bool(outer.min() >= 0 and (np.diagonal(self.covariance) >= 0).all())


def _no_sums(path: Path) -> str:
    return (
        f"{path}: does not hold sums of square RGB images; make it anew with "
        f"`alexprep stats {path.parent}`"
    )
