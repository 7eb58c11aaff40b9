"""Exact integer sums of decoded images: what every statistic is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import StatisticsError

# Runs this short stay below the length at which BLAS starts threads of its own, which would
# fight with ours; one float64 dot of them is exact by far (255**2 * 8192 < 2**53).
_LONGEST_RUN = 8192
_IMAGES_IN_16_BITS = 257  # 257 * 255 == 2**16 - 1
_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


@dataclass(frozen=True, eq=False)
class Moments:
    """Integer sums in levels 0..255: adding is exact, so the order of work cannot show.

    Sources: Krizhevsky et al. 2012, sections 2 (mean image) and 4.1 (PCA of RGB values).
    """

    count: int  # images seen
    pixel_sum: NDArray[np.int64]  # [S, S, 3], sum of the images
    outer_sum: NDArray[np.int64]  # [3, 3], sum of rgb rgb^T over all pixels of all images

    @classmethod
    def none(cls, size: int) -> Moments:
        """Return the moments of no image at all, of side `size` pixels."""
        return cls(0, np.zeros((size, size, 3), np.int64), np.zeros((3, 3), np.int64))

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both sets of images together."""
        count, pixel_sum = self.count + other.count, self.pixel_sum + other.pixel_sum
        return Moments(count, pixel_sum, self.outer_sum + other.outer_sum)


class MomentSums:
    """Add images one by one; exact, and scratch memory is taken once.

    A plain int64 product takes twice as long as decoding the image. Six float64 dots over planes
    are exact too (their sums stay far below 2**53) and take a quarter of the time.

    Args:
        size: Height and width S of the images, pixels.
    """

    def __init__(self, size: int) -> None:
        self._shape = (size, size, 3)
        self._total = Moments.none(size)
        self._recent = np.zeros(self._shape, np.uint16)  # sum of the last few images
        self._recent_count = 0
        self._planes = np.empty((3, size * size))
        rows = max(n for n in range(1, size + 1) if size % n == 0 and n * size <= _LONGEST_RUN)
        runs = self._planes.reshape(3, -1, rows * size)
        # [runs, 1, n] @ [runs, n, 1]: one dot a run
        self._factors = [(runs[i][:, None, :], runs[j][:, :, None]) for i, j in _PAIRS]
        self._dots = np.empty((len(_PAIRS), runs.shape[1], 1, 1))
        self._recent_dots = np.zeros_like(self._dots)  # whole numbers, far below 2**53

    def add(self, image: NDArray[np.uint8]) -> None:
        """Add one image.

        Args:
            image: [S, S, 3] uint8 RGB, levels 0..255.

        Raises:
            StatisticsError: `image` has another dtype or shape.
        """
        if image.dtype != np.uint8 or image.shape != self._shape:
            got = f"{image.dtype} {list(image.shape)}"
            raise StatisticsError(f"an image must be uint8 {list(self._shape)}; got {got}")
        if self._recent_count == _IMAGES_IN_16_BITS:
            self._flush()
        self._recent += image
        self._recent_count += 1
        np.copyto(self._planes, image.reshape(-1, 3).T)
        for (left, right), dots in zip(self._factors, self._dots, strict=True):
            np.matmul(left, right, out=dots)
        self._recent_dots += self._dots

    def moments(self) -> Moments:
        """Return the moments of all images added so far."""
        self._flush()
        return self._total

    def _flush(self) -> None:
        outer = np.zeros((3, 3), np.int64)
        for (i, j), total in zip(_PAIRS, self._recent_dots.sum(axis=(1, 2, 3)), strict=True):
            outer[i, j] = outer[j, i] = int(total)
        recent = Moments(self._recent_count, self._recent.astype(np.int64), outer)
        self._total = self._total + recent
        self._recent[:] = 0
        self._recent_dots[:] = 0
        self._recent_count = 0


def sum_images(images: NDArray[np.uint8]) -> Moments:
    """Sum a batch of images.

    Args:
        images: [n, S, S, 3] uint8 RGB, levels 0..255.

    Returns:
        The moments of these n images.

    Raises:
        StatisticsError: `images` has another dtype or shape.
    """
    if (
        images.dtype != np.uint8
        or images.ndim != 4
        or images.shape[1:] != (images.shape[1],) * 2 + (3,)
    ):
        got = f"{images.dtype} {list(images.shape)}"
        raise StatisticsError(f"images must be uint8 [n, S, S, 3]; got {got}")
    sums = MomentSums(images.shape[1])
    for image in images:
        sums.add(image)
    return sums.moments()
