"""What training images go through beyond the paper: drawn here, done by distort.py and mixing.py.

The numbers come from a stream of their own: with and without them crops, mirrors and colours are
the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alextrain.data.stream import DISTORTION
from alextrain.data.variates import TRIES, betas, box_sides, uniforms
from alextrain.recipes.tables import Distortions

WIDTH = 14  # numbers for each image, see `draw_distortions`
# torchvision's RandomErasing: area of the box as a share of the picture's, and its shape
ERASED_AREA, ERASED_RATIO = (0.02, 0.33), (0.3, 3.3)
# Which of the uniform numbers of a position decides what
_ANGLE, _FACTORS, _ERASE, _PLACE, _BOX, _KIND, _WEIGHT, _CENTRE = 0, 1, 5, 6, 8, 28, 29, 30


def draw_distortions(
    given: Distortions, crop: int, seed: int, epoch: int, start: int, count: int
) -> NDArray[np.float32]:
    """Draw for the positions `start` to `start + count - 1` of an epoch, each for itself.

    Args:
        given: How much of what.
        crop: Height and width of the network's input, pixels.
        seed: Of the run.
        epoch: From 0.
        start: Position of the first sample.
        count: Number of images n.

    Returns:
        float32 [n, 14]: angle, degrees to the left; factors of brightness, contrast, saturation;
        turn of the hue, in whole circles; first row, first column, height and width of what is
        erased, pixels, all 0 where nothing is; weight of the image in its mixture with its
        partner; first row, first column, and the ends, of what the partner covers, pixels.
    """
    u = uniforms(seed, epoch, start, count, DISTORTION)
    table = np.zeros((count, WIDTH), np.float32)
    table[:, 0] = given.rotation * (2 * u[:, _ANGLE] - 1)
    spreads = (given.brightness, given.contrast, given.saturation)
    table[:, 1:4] = 1 + np.array(spreads) * (2 * u[:, _FACTORS : _FACTORS + 3] - 1)
    table[:, 4] = given.hue * (2 * u[:, _FACTORS + 3] - 1)
    table[:, 5:9] = _erased(given.erasing, crop, u)
    table[:, 9], table[:, 10:14] = _mixture(given, crop, u)
    return table


def _erased(probability: float, crop: int, u: NDArray[np.float64]) -> NDArray[np.float64]:
    heights, widths, found = box_sides(
        crop, ERASED_AREA, ERASED_RATIO, u[:, _BOX : _BOX + 2 * TRIES]
    )
    top = np.floor(u[:, _PLACE] * (crop - heights + 1))
    left = np.floor(u[:, _PLACE + 1] * (crop - widths + 1))
    chosen = found & (u[:, _ERASE] < probability)
    return np.stack((top, left, heights, widths), axis=1) * chosen[:, None]


def _mixture(
    given: Distortions, crop: int, u: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the images' own weights [n] and the boxes of their partners [n, 4]."""
    weight, boxes = np.ones(len(u)), np.zeros((len(u), 4))
    if given.mixup:
        weight = betas(given.mixup, u[:, _WEIGHT])
    if given.cutmix:
        # As printed (Yun et al. 2019): a box of the picture's shape, its centre anywhere
        half = np.floor(crop * np.sqrt(1 - betas(given.cutmix, u[:, _WEIGHT])) / 2)
        centre = np.floor(u[:, _CENTRE : _CENTRE + 2] * crop)
        ends = np.concatenate((centre - half[:, None], centre + half[:, None]), axis=1)
        cut = (u[:, _KIND] < 0.5) if given.mixup else np.full(len(u), fill_value=True)
        boxes = np.clip(ends, 0, crop) * cut[:, None]
        covered = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / crop**2
        weight = np.where(cut, 1 - covered, weight)
    return weight, boxes
