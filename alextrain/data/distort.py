"""Distort pictures by given draws: colours of stored images, shape and parts of the input.

Each image by its own numbers, the whole batch at once. Nothing here is random.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

GREY = (0.2989, 0.587, 0.114)  # weights of R, G, B in brightness, as in torchvision


def jitter(images: Tensor, numbers: Tensor, *, turns: bool = True) -> Tensor:
    """Change brightness, contrast, saturation and hue, in this order.

    As torchvision's functional operations do it, cut off at 0 and 255 after each: brightness times
    a factor, contrast away from the image's mean grey, saturation away from each pixel's grey, hue
    round the circle. Between them nothing is rounded; the result is.

    Args:
        images: uint8 [n, S, S, 3], RGB levels.
        numbers: float32 [n, 4]: three factors (1: as it is) and the turn of the hue in circles.
        turns: Whether any hue is turned; asking the numbers would make a GPU wait.

    Returns:
        uint8 [n, S, S, 3].
    """
    brightness, contrast, saturation, hue = (column[:, None, None, None] for column in numbers.T)
    levels = (images.float() * brightness).clamp_(0, 255)
    mean = _grey(levels).mean((1, 2), keepdim=True)
    levels = torch.lerp(mean.expand_as(levels), levels, contrast).clamp_(0, 255)
    levels = torch.lerp(_grey(levels).expand_as(levels), levels, saturation).clamp_(0, 255)
    if turns:
        levels = _turn_hue(levels, hue[..., 0])
    return levels.round_().to(torch.uint8)


def _grey(levels: Tensor) -> Tensor:
    """Return the brightness of each pixel, [n, S, S, 1]."""
    red, green, blue = levels.unbind(-1)
    return (GREY[0] * red + GREY[1] * green + GREY[2] * blue)[..., None]


def _turn_hue(levels: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue of [n, S, S, 3], in HSV; greys stay."""
    red, green, blue = levels.unbind(-1)
    value, low = levels.amax(-1), levels.amin(-1)
    chroma = value - low
    safe = torch.where(chroma > 0, chroma, 1.0)
    hue = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = hue + 6 * turn
    parts = []
    for sixth in (5, 3, 1):  # R, G, B: each follows the hue by two sixths of the circle
        k = (sixth + hue) % 6
        parts.append(value - chroma * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(parts, -1)


def rotate(pictures: Tensor, degrees: Tensor) -> Tensor:
    """Turn pictures to the left about their centres, bilinear; what comes in from outside is 0.

    Args:
        pictures: float32 [n, 3, c, c].
        degrees: float32 [n].
    """
    angle = degrees * (math.pi / 180)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    # From places of the result to those of the source, y down: the other way round
    rows = (torch.stack((cos, -sin, zero), 1), torch.stack((sin, cos, zero), 1))
    size = list(pictures.shape)
    grid = F.affine_grid(torch.stack(rows, 1), size, align_corners=False)
    return F.grid_sample(pictures, grid, "bilinear", "zeros", align_corners=False)


def erase(pictures: Tensor, boxes: Tensor) -> None:
    """Set a box of each picture to 0, the mean, in place.

    Args:
        pictures: float32 [n, 3, c, c].
        boxes: float32 [n, 4]: first row, first column, height, width; height 0: none.
    """
    top, left, height, width = boxes.unbind(1)
    inside = inside_boxes(pictures.shape[2], top, left, top + height, left + width)
    pictures.masked_fill_(inside, 0.0)


def inside_boxes(size: int, top: Tensor, left: Tensor, bottom: Tensor, right: Tensor) -> Tensor:
    """Tell which pixels lie in the boxes, ends left out: bool [n, 1, size, size]."""
    steps = torch.arange(size, device=top.device)
    rows = (steps >= top[:, None]) & (steps < bottom[:, None])
    columns = (steps >= left[:, None]) & (steps < right[:, None])
    return (rows[:, :, None] & columns[:, None, :])[:, None]
