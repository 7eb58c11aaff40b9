"""Exact integer sums of decoded images: what every statistic is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import StatisticsError

_RUN = 256  # pixels of one float32 sum
_IMAGES_IN_16_BITS = 257  # 257 * 255 == 2**16 - 1
_CHANNELS = 3
# Where red, green and blue stand in a pixel read as one little-endian 32-bit number.
_MASKS = (0x0000FF, 0x00FF00, 0xFF0000)
_SCALES = (1, 2**8, 2**16)


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

    Products of channels are sums in float32 over runs of 256 pixels, and exact: a sum of 256
    products of levels is a whole number of at most 256 * 255**2 < 2**24, and float32 holds all of
    these, in whatever order they are added. A masked channel (say 256 times green) is a level
    times a power of two, which moves the exponent and no digit. The sums of runs are added in
    float64, where those of 257 images of 4096x4096 stay below 2**53.

    Why so: a pixel of four bytes is a 32-bit number, and masking and converting these takes half
    the time of taking three-byte pixels apart. docs/decisions.md says what was measured.

    Args:
        size: Height and width S of the images, pixels.
    """

    def __init__(self, size: int) -> None:
        self._shape = (size, size, 4)
        self._pixels = size * size
        self._total = Moments.none(size)
        self._recent = np.zeros(4 * self._pixels, np.uint16)  # sum of the last few images
        self._recent_count = 0
        runs = -(-self._pixels // _RUN)
        self._masked = np.empty(self._pixels, np.int32)
        # Zeros fill the last run, and a fourth plane: for a matrix by its own transpose numpy would
        # call another routine of BLAS, which is ten times slower on matrices as flat as these.
        self._planes = np.zeros((_CHANNELS + 1, runs * _RUN), np.float32)
        cut = self._planes.reshape(_CHANNELS + 1, runs, _RUN).transpose(1, 0, 2)
        self._left, self._right = cut[:, :_CHANNELS], cut.transpose(0, 2, 1)
        self._products = np.empty((runs, _CHANNELS, _CHANNELS + 1), np.float32)
        self._recent_products = np.zeros_like(self._products, np.float64)

    def add(self, image: NDArray[np.uint8]) -> None:
        """Add one image.

        Args:
            image: [S, S, 4] uint8 RGBX, levels 0..255, contiguous; X is anything.

        Raises:
            StatisticsError: `image` has another dtype or shape.
        """
        if image.dtype != np.uint8 or image.shape != self._shape:
            got = f"{image.dtype} {list(image.shape)}"
            raise StatisticsError(f"an image must be uint8 {list(self._shape)}; got {got}")
        if self._recent_count == _IMAGES_IN_16_BITS:
            self._flush()
        levels = image.reshape(-1)
        numbers = levels.view("<i4")
        for plane, mask in zip(self._planes, _MASKS, strict=False):
            np.bitwise_and(numbers, mask, out=self._masked)
            np.copyto(plane[: self._pixels], self._masked)
        np.matmul(self._left, self._right, out=self._products)
        self._recent_products += self._products
        self._recent += levels
        self._recent_count += 1

    def moments(self) -> Moments:
        """Return the moments of all images added so far."""
        self._flush()
        return self._total

    def _flush(self) -> None:
        products = self._recent_products.sum(axis=0)[:, :_CHANNELS]
        outer = (products / np.outer(_SCALES, _SCALES)).astype(np.int64)
        self._recent_products[:] = 0
        pixel_sum = self._recent.reshape(self._shape)[..., :3].astype(np.int64)
        self._total = self._total + Moments(self._recent_count, pixel_sum, outer)
        self._recent[:] = 0
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
    size = images.shape[1]
    sums, padded = MomentSums(size), np.zeros((size, size, 4), np.uint8)
    for image in images:
        padded[..., :3] = image
        sums.add(padded)
    return sums.moments()
