"""Cut boxes out of a batch of images, mirror some, subtract the mean: tensors in, tensors out."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from alextrain.data.draws import Draws


def cut_by_slices(images: Tensor, mean: Tensor, draws: Draws, crop: int) -> Tensor:
    """Cut boxes, mirror some, subtract the mean, image by image: fastest on the CPU.

    Args:
        images: uint8 [n, S, S, 3].
        mean: Levels, float32 [S, S, 3] or [3].
        draws: Places of the boxes and which are mirrored.
        crop: Height and width of the boxes.

    Returns:
        float32 [n, crop, crop, 3].
    """
    boxes = torch.empty((len(images), crop, crop, 3), dtype=torch.uint8)
    source, target = images.numpy(), boxes.numpy()
    channels_first = boxes.permute(0, 3, 1, 2)
    for i, (top, left, flip) in enumerate(_places(draws)):
        target[i] = source[i, top : top + crop, left : left + crop]
        if flip:  # torch mirrors bytes, seen like this, four times as fast as floats
            channels_first[i : i + 1] = channels_first[i : i + 1].flip(3)
    levels = boxes.float()
    if mean.ndim == 1:
        as_rows(levels).sub_(mean.repeat(crop))
        return levels
    return _subtract_places(levels, mean, draws)


def _places(draws: Draws) -> Iterator[tuple[int, int, bool]]:
    """Yield (top, left, mirrored) of each image."""
    columns = (draws.top.int().tolist(), draws.left.int().tolist(), draws.flip.tolist())
    yield from zip(*columns, strict=True)


def as_rows(levels: Tensor) -> Tensor:
    """Return a view of [n, h, w, 3] as [n, h, 3 w]: torch is slow where a last side is 3 long."""
    return levels.view(*levels.shape[:2], 3 * levels.shape[2])


def _subtract_places(levels: Tensor, mean: Tensor, draws: Draws) -> Tensor:
    """Subtract each box's place of the mean image [S, S, 3], mirrored where the box is."""
    crop, size = levels.shape[1], len(mean)
    turned = mean.flip(1)
    for i, (top, left, flip) in enumerate(_places(draws)):
        # the mirrored box lies as far from the left of the mirrored mean as it did from the right
        source, begin = (turned, size - crop - left) if flip else (mean, left)
        levels[i].sub_(source[top : top + crop, begin : begin + crop])
    return levels


def cut_by_index(images: Tensor, mean: Tensor, draws: Draws, crop: int) -> Tensor:
    """Do what `cut_by_slices` does with a few kernels for the whole batch: for GPUs.

    Returns:
        float32 [n, crop, crop, 3], the same numbers.
    """
    steps = torch.arange(crop, device=images.device)
    rows = draws.top.long()[:, None, None] + steps[:, None]
    across = torch.where(draws.flip[:, None], crop - 1 - steps, steps)
    columns = (draws.left.long()[:, None] + across)[:, None, :]
    which = torch.arange(len(images), device=images.device)[:, None, None]
    return images[which, rows, columns] - (mean if mean.ndim == 1 else mean[rows, columns])


def resize_boxes(levels: Tensor, draws: Draws, crop: int) -> Tensor:
    """Cut boxes of any size and resize them to `crop` x `crop` pixels, bilinear.

    Equal to cutting each box out and `F.interpolate(..., align_corners=False)`: nothing outside the
    box is seen. Where an image has more than 1.5 pixels for one of the crop, that many points a
    side are taken for each and averaged, against aliasing; boxes of 160 for a crop of 143, or 256
    for 227, need no filter.

    Args:
        levels: float32 [n, 3, S, S].
        draws: Boxes inside of the images, and which are mirrored.
        crop: Height and width of the result.

    Returns:
        float32 [n, 3, crop, crop].
    """
    size = levels.shape[2]
    points = max(1, round(size / crop))
    y = _points(draws.top, draws.height, crop * points)
    x = _points(draws.left, draws.width, crop * points)
    x = torch.where(draws.flip[:, None], x.flip(1), x)
    # grid_sample measures from -1 to 1, edge to edge of the image
    shape = (-1, crop * points, crop * points)
    across, down = (x / size * 2 - 1)[:, None, :], (y / size * 2 - 1)[:, :, None]
    grid = torch.stack((across.expand(shape), down.expand(shape)), -1)
    boxes = F.grid_sample(levels, grid, "bilinear", "border", align_corners=False)
    return boxes if points == 1 else F.avg_pool2d(boxes, points)


def _points(start: Tensor, extent: Tensor, count: int) -> Tensor:
    """Return `count` sampling points along one side of each box, [n, count].

    In pixels from the image's edge; they stay half a pixel inside of the box, so that no neighbour
    outside of it is mixed in.
    """
    step = (torch.arange(count, device=start.device) + 0.5) / count
    inside = torch.clamp_min(step * extent[:, None], 0.5)
    return start[:, None] + torch.minimum(inside, extent[:, None] - 0.5)
