"""Every random choice of the augmentation, as a pure function of (seed, epoch, position)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alextrain.data.distortions import draw_distortions
from alextrain.data.variates import TRIES, box_sides, normals, uniforms
from alextrain.errors import RecipeError
from alextrain.recipes.tables import PLAIN, Distortions

# Which column decides what; 3 and those after the tries are free.
_TOP, _LEFT, _FLIP, _COLOUR, _BOX = 0, 1, 2, 4, 8


@dataclass(frozen=True)
class Augmentation:
    """What is done to a training image at random. Part of the recipe.

    Raises:
        RecipeError: the boxes asked for cannot lie inside a square image.
    """

    crop: int  # height and width of the result, pixels
    flip: bool = True  # mirror half of the images
    crops: str = "random"  # "random" place, "resized" (random place, size and shape), or "centre"
    scale: tuple[float, ...] = (0.35, 1.0)  # "resized": area of the box, share of the image's
    ratio: tuple[float, ...] = (3 / 4, 4 / 3)  # "resized": width / height of the box
    colour: str = "std"  # "std", "lambda" or "off": see augment.py
    colour_scale: float = 0.1  # standard deviation of alpha, the paper's section 4.1
    colour_divides: bool = False  # divide what is shifted by 1 + colour_scale: see augment.py
    crops_shared: int = 1  # positions in a row whose images have box and mirror of the first
    distortions: Distortions = PLAIN  # beyond the paper; none

    def __post_init__(self) -> None:
        if self.crops == "resized" and not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise RecipeError(
                f"scale is {list(self.scale)}; give two shares of the image's area, 0 < a <= b <= 1"
            )
        if self.crops == "resized" and not 0 < self.ratio[0] <= 1 <= self.ratio[1]:
            raise RecipeError(
                f"ratio is {list(self.ratio)}; give the least and the greatest width / height, "
                "the first from 1 down and the second from 1 up"
            )

    def check(self, size: int) -> None:
        """Check that the crop fits into images of `size` x `size` pixels.

        Raises:
            RecipeError: it does not.
        """
        check_crop(self.crop, size)


def check_crop(crop: int, size: int) -> None:
    """Raise RecipeError where a crop does not fit into images of `size` x `size` pixels."""
    if crop > size:
        raise RecipeError(
            f"crop {crop} does not fit into the {size}x{size} images of these shards; "
            f"use --crop {size} or less, or make shards with a larger --size"
        )


@dataclass(frozen=True, eq=False)
class Draws:
    """The choices for n images, one row each, together in one small tensor for one transfer."""

    table: Tensor  # float32 [n, 8], or [n, 22] with distortions

    @property
    def top(self) -> Tensor:
        """First row of the box, float32 [n], a whole number of pixels."""
        return self.table[:, 0]

    @property
    def left(self) -> Tensor:
        """First column of the box, float32 [n], a whole number of pixels."""
        return self.table[:, 1]

    @property
    def height(self) -> Tensor:
        """Rows of the box, float32 [n], a whole number of pixels."""
        return self.table[:, 2]

    @property
    def width(self) -> Tensor:
        """Columns of the box, float32 [n], a whole number of pixels."""
        return self.table[:, 3]

    @property
    def flip(self) -> Tensor:
        """Whether the image is mirrored, bool [n]."""
        return self.table[:, 4] > 0

    @property
    def colour(self) -> Tensor:
        """Standard normal numbers, one for each principal axis of colour, float32 [n, 3]."""
        return self.table[:, 5:8]

    @property
    def distortions(self) -> Tensor:
        """See distortions.draw_distortions, float32 [n, 14]; [n, 0] where there are none."""
        return self.table[:, 8:]

    def __len__(self) -> int:
        return len(self.table)


def draw_batch(
    augmentation: Augmentation, size: int, seed: int, epoch: int, start: int, count: int
) -> Draws:
    """Draw the choices for the samples at positions `start` to `start + count - 1` of an epoch.

    They depend on (seed, epoch, position) alone: not on the batch size, the device, or what was
    drawn before. The columns of one choice are never used by another, so switching the colour off
    leaves the crops as they were. With `crops_shared` 32, positions 0 to 31 have the box and the
    mirror of position 0, and so on (the authors' `crop_chunk`); colours are never shared.

    Args:
        augmentation: What is drawn.
        size: Height and width S of the prepared images, pixels.
        seed: Of the run.
        epoch: From 0.
        start: Position of the first sample, the samples seen in this epoch.
        count: Number of images n.
    """
    shared = augmentation.crops_shared
    first = start // shared * shared
    every = uniforms(seed, epoch, first, start - first + count)
    own = every[start - first :]
    u = every[np.arange(start, start + count) // shared * shared - first]
    table = np.empty((count, 8), np.float32)
    height, width = _extents(augmentation, size, u)
    if augmentation.crops == "centre":
        table[:, 0:2] = (size - augmentation.crop) // 2
    else:
        table[:, 0] = np.floor(u[:, _TOP] * (size - height + 1))
        table[:, 1] = np.floor(u[:, _LEFT] * (size - width + 1))
    table[:, 2], table[:, 3] = height, width
    table[:, 4] = augmentation.flip & (u[:, _FLIP] < 0.5)
    table[:, 5:8] = normals(own[:, _COLOUR : _COLOUR + 4])
    if augmentation.distortions.any:
        more = augmentation.distortions, augmentation.crop, seed, epoch, start, count
        table = np.concatenate((table, draw_distortions(*more)), axis=1)
    return Draws(torch.from_numpy(table))


def _extents(
    augmentation: Augmentation, size: int, u: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return heights and widths of the boxes, whole numbers as float64 [n] each.

    "resized": see variates.box_sides; where no box fits, the whole image.
    """
    if augmentation.crops != "resized":
        same = np.full(len(u), float(augmentation.crop))
        return same, same
    height, width, found = box_sides(
        size, augmentation.scale, augmentation.ratio, u[:, _BOX : _BOX + 2 * TRIES]
    )
    return np.where(found, height, size), np.where(found, width, size)
