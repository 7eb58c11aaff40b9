"""Uniform numbers by position, and what is made of them: normal ones, betas, boxes.

All by our own arithmetic: see stream.py.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from alextrain.data.stream import AUGMENTATION, raw_words

COLUMNS = 32  # uniform numbers that belong to a position of a stream, used or not
TRIES = 10  # boxes tried before the whole is taken, as torchvision does
_STEPS = 4096  # of the integral for betas: good to seven digits

_Floats = NDArray[np.float64]


def uniforms(
    seed: int, epoch: int, start: int, count: int, stream: int = AUGMENTATION
) -> NDArray[np.float64]:
    """Return the uniform numbers of positions `start` to `start + count - 1` of an epoch.

    Returns:
        float64 [count, 32] in [0, 1): the upper 53 bits of Philox words.
    """
    words = raw_words(stream, seed, epoch, start * COLUMNS, count * COLUMNS)
    return (words >> np.uint64(11)).astype(np.float64).reshape(count, COLUMNS) * 2.0**-53


def normals(u: _Floats) -> _Floats:
    """Return three standard normal numbers of four uniform ones, [n, 4] to [n, 3] (Box-Muller)."""
    radius = np.sqrt(-2 * np.log1p(-u[:, 0::2]))
    angle = 2 * np.pi * u[:, 1::2]
    first = radius[:, 0] * np.cos(angle[:, 0])
    second = radius[:, 0] * np.sin(angle[:, 0])
    return np.stack((first, second, radius[:, 1] * np.cos(angle[:, 1])), axis=1)


def betas(alpha: float, u: _Floats) -> _Floats:
    """Return numbers of Beta(alpha, alpha), [n], of uniform ones: its distribution inverted.

    The distribution is symmetric about 1/2, so its lower half is integrated (trapezoids) and
    mirrored. Below alpha = 1 the density is infinite at 0; over t = x ** alpha it is not.
    """
    power = min(alpha, 1.0)
    t = np.linspace(0, 0.5**power, _STEPS + 1)
    with np.errstate(divide="ignore"):
        density = t ** ((alpha - power) / power) * (1 - t ** (1 / power)) ** (alpha - 1)
    below = np.concatenate(([0.0], np.cumsum((density[1:] + density[:-1]) / 2)))
    lower = np.minimum(u, 1 - u)
    x = np.interp(lower, below * (0.5 / below[-1]), t) ** (1 / power)
    return np.where(u < 0.5, x, 1 - x)


def box_sides(
    size: int, scale: tuple[float, ...], ratio: tuple[float, ...], u: _Floats
) -> tuple[_Floats, _Floats, NDArray[np.bool_]]:
    """Return heights and widths of boxes in a square, whole pixels [n], and which were found.

    torchvision's rule (RandomResizedCrop.get_params, RandomErasing.get_params): the area uniform,
    the ratio log-uniform, a box that does not fit drawn anew, ten times at most.

    Args:
        size: Height and width of the square, pixels.
        scale: Least and greatest area, shares of the square's.
        ratio: Least and greatest width / height.
        u: Uniform numbers [n, 20].
    """
    tries = u.reshape(-1, TRIES, 2)
    low, high = scale
    area = size**2 * (low + (high - low) * tries[:, :, 0])
    flat, wide = math.log(ratio[0]), math.log(ratio[1])
    across = np.exp(flat + (wide - flat) * tries[:, :, 1])
    width, height = np.rint(np.sqrt(area * across)), np.rint(np.sqrt(area / across))
    fits = (width > 0) & (width <= size) & (height > 0) & (height <= size)
    first = fits.argmax(axis=1)[:, None]
    heights, widths = (np.take_along_axis(side, first, axis=1)[:, 0] for side in (height, width))
    return heights, widths, np.asarray(fits.any(axis=1))
