"""Turn batches of uint8 images into what the network sees, on the device, by given draws.

Nothing here is random: the same draws give the same pictures on the CPU and on CUDA. Crops,
mirroring, mean and colour are then the same float32 operations in the same order, so equal bit for
bit; only "resized" crops interpolate, and agree to 0.05 levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexprep.shards.statistics import Statistics
from alextrain.data.boxes import as_rows, cut_by_index, cut_by_slices, resize_boxes
from alextrain.data.colour import noise_axes, shifts
from alextrain.data.distort import erase, jitter, rotate
from alextrain.data.draws import Augmentation, Draws
from alextrain.data.views import view_places
from alextrain.errors import RecipeError

_Cut = Callable[[Tensor, Draws], Tensor]  # levels minus the mean of the boxes, [n, c, c, 3]

# Images that the CPU works on together: the steps between stay in its cache, and need no memory
# that the system has to clear anew for each batch. Resized crops take 0.7 of the time without.
CHUNK = 8


class Augmenter:
    """Crop, mirror, subtract the mean, shift the colours; distort, if the recipe says so.

    A network's input is `levels - mean + shift`, divided by the channels' standard deviations if
    they are given. A mean image is subtracted at the crop's own place, before both are mirrored
    together (as Caffe does it); or, `centred`, its middle is subtracted from all crops, after they
    are mirrored (as the authors' program does it).

    The shift is the same for all pixels of an image (the paper's section 4.1). With `colour` "std"
    it is `colour_scale` times the sum over k of p_k sigma_k z_k, in levels: p_k are the principal
    axes of colour, sigma_k the standard deviations along them, z_k standard normal draws. That is
    the authors' program. "lambda" puts the eigenvalue for sigma_k, as the paper's words have it,
    which only makes sense where levels run from 0 to 1: sigma_k^2 / 255 in levels. With
    `colour_divides` what is shifted is divided by 1 + colour_scale, as the authors' program does;
    images whose colours stay, in evaluation too, are not.

    Distortions: colours are jittered on the stored levels, before the crop; pictures are rotated
    and parts erased last, and what is missing then is 0, the mean.

    Args:
        augmentation: Which crops, which colours.
        mean: Levels: a mean image [S, S, 3], or three channel means [3].
        std: Levels: three standard deviations to divide by [3], or None.
        basis: [3, 3], rows R, G, B; column k is p_k sigma_k, levels.
        device: Where images and draws will be.
        centred: Subtract the middle of the mean image everywhere.
    """

    def __init__(
        self,
        augmentation: Augmentation,
        mean: NDArray[np.floating],
        std: NDArray[np.floating] | None,
        basis: NDArray[np.floating],
        device: torch.device,
        *,
        centred: bool = False,
    ) -> None:
        self.augmentation = augmentation
        self.device = device
        self._mean = torch.tensor(np.asarray(mean, np.float32), device=device)
        self._size = len(mean) if self._mean.ndim == 3 else None
        self._middle: Tensor | None = None
        if centred:
            self._middle = _middle(self._mean, augmentation.crop)
            self._mean = torch.zeros(3, device=device)
        inverse = None if std is None else (1 / np.asarray(std, np.float64)).astype(np.float32)
        self._inverse = None if inverse is None else torch.tensor(inverse, device=device)
        self._noise = torch.tensor(noise_axes(augmentation, basis), device=device)

    @classmethod
    def of(
        cls,
        augmentation: Augmentation,
        statistics: Statistics,
        normalise: str,
        device: torch.device,
    ) -> Augmenter:
        """Make the augmenter of a recipe for shards with these statistics.

        Args:
            augmentation: Which crops, which colours.
            statistics: Of the train split.
            normalise: "mean-image" (levels minus the mean image at the crop's place),
                "mean-centre" (minus the middle of the mean image), "mean-std" (levels minus the
                channel's mean, divided by its standard deviation) or "unit" (levels / 255).
            device: Where images and draws will be.
        """
        basis = statistics.eigenvectors * np.sqrt(statistics.eigenvalues)
        if normalise in ("mean-image", "mean-centre"):
            centred = normalise == "mean-centre"
            image = statistics.mean_image
            return cls(augmentation, image, None, basis, device, centred=centred)
        return cls(augmentation, *channel_scale(statistics, normalise), basis, device)

    def __call__(self, images: Tensor, draws: Draws, *, shift: bool = True) -> Tensor:
        """Augment a batch.

        Args:
            images: uint8 [n, S, S, 3] on the device.
            draws: For these n images, on the device.
            shift: Whether colours are shifted; False late in a run whose recipe says so.

        Returns:
            float32 [n, 3, crop, crop], in memory channels last.

        Raises:
            RecipeError: images smaller than the crop, or not of the mean image's size.
        """
        self._check(images)
        noisy = shift and self.augmentation.colour != "off"
        return self._make(self._cut_at_random, images, draws, noisy=noisy, distorted=True)

    def views(self, images: Tensor, count: int = 1) -> Iterator[Tensor]:
        """Yield the views of a batch that are averaged in evaluation, without colour noise.

        Args:
            images: uint8 [n, S, S, 3] on the device.
            count: 1 (centre), 5 (corners and centre) or 10 (these and their mirrors): the paper's
                section 4.1. The ten are the same set for the mirrored image.

        Yields:
            `count` times float32 [n, 3, crop, crop], in memory channels last.
        """
        self._check(images)
        crop = self.augmentation.crop
        for top, left, flip in view_places(images.shape[1], crop, count):
            place = torch.tensor([top, left, crop, crop, flip, 0, 0, 0], dtype=torch.float32)
            table = place.expand(len(images), -1).to(self.device)
            yield self._make(self._cut, images, Draws(table), noisy=False)

    def as_levels(self, inputs: Tensor) -> Tensor:
        """Turn the network's input back into pictures that a person can read.

        The scale is undone and the mean colour is added; what a mean image has beside it stays
        subtracted, and shifted colours stay shifted.

        Args:
            inputs: float32 [n, 3, crop, crop], as a call or `views` gave them.

        Returns:
            uint8 [n, crop, crop, 3], levels; what lies outside 0..255 is cut off.
        """
        levels = inputs.permute(0, 2, 3, 1)
        if self._inverse is not None:
            levels = levels / self._inverse
        mean = self._mean if self._middle is None else self._middle
        colour = mean.reshape(-1, 3).mean(dim=0)
        return (levels + colour).round().clamp(0, 255).to(torch.uint8)

    def _make(
        self, cut: _Cut, images: Tensor, draws: Draws, *, noisy: bool, distorted: bool = False
    ) -> Tensor:
        """Cut, then finish: float32 [n, 3, c, c]."""
        if images.device.type != "cpu":
            levels = cut(images, draws).contiguous()
            self._finish(levels, draws.colour if noisy else None)
            if distorted:
                self._distort(levels, draws)
            return levels.permute(0, 3, 1, 2)
        crop = self.augmentation.crop
        result = torch.empty((len(images), crop, crop, 3))
        for i in range(0, len(images), CHUNK):
            part = slice(i, i + CHUNK)
            some = Draws(draws.table[part])
            result[part] = cut(images[part], some)
            self._finish(result[part], some.colour if noisy else None)
            if distorted:
                self._distort(result[part], some)
        return result.permute(0, 3, 1, 2)

    def _check(self, images: Tensor) -> None:
        size = images.shape[1]
        self.augmentation.check(size)
        if self._size not in (None, size):
            raise RecipeError(
                f"the mean image is {self._size}x{self._size} pixels, the images are "
                f"{size}x{size}; use shards of the size that the statistics were made from"
            )

    def _cut_at_random(self, images: Tensor, draws: Draws) -> Tensor:
        """Cut as the recipe has it, colours jittered before."""
        if self.augmentation.distortions.jitters:
            turns = self.augmentation.distortions.hue > 0
            images = jitter(images, draws.distortions[:, 1:5], turns=turns)
        if self.augmentation.crops == "resized":
            return self._cut_resized(images, draws)
        return self._cut(images, draws)

    def _distort(self, levels: Tensor, draws: Draws) -> None:
        """Rotate and erase [n, c, c, 3] in place."""
        given, pictures = self.augmentation.distortions, levels.permute(0, 3, 1, 2)
        if given.rotation:
            pictures.copy_(rotate(pictures, draws.distortions[:, 0]))
        if given.erasing:
            erase(pictures, draws.distortions[:, 5:9])

    def _cut(self, images: Tensor, draws: Draws) -> Tensor:
        """Return levels minus the mean of the boxes of `crop` x `crop` pixels, [n, c, c, 3]."""
        if images.device.type == "cpu":
            return cut_by_slices(images, self._mean, draws, self.augmentation.crop)
        return cut_by_index(images, self._mean, draws, self.augmentation.crop)

    def _cut_resized(self, images: Tensor, draws: Draws) -> Tensor:
        """Return levels minus the mean of boxes of any size, resized to the crop, [n, c, c, 3]."""
        levels = images.permute(0, 3, 1, 2).contiguous().float()
        if self._mean.ndim == 3:
            levels.sub_(self._mean.permute(2, 0, 1))
        cut = resize_boxes(levels, draws, self.augmentation.crop)
        if self._mean.ndim == 1:
            cut.sub_(self._mean[:, None, None])
        return cut.permute(0, 2, 3, 1)

    def _finish(self, levels: Tensor, colour: Tensor | None) -> None:
        """Subtract the middle of the mean, shift the colours and scale [n, c, c, 3] in place."""
        rows, crop = as_rows(levels), levels.shape[1]
        if self._middle is not None:
            rows.sub_(self._middle.flatten(1))
        if colour is not None:
            rows.add_(shifts(colour, self._noise).repeat(1, crop)[:, None, :])
            if self.augmentation.colour_divides:
                rows.div_(1 + self.augmentation.colour_scale)
        if self._inverse is not None:
            rows.mul_(self._inverse.repeat(crop))


def channel_scale(
    statistics: Statistics, normalise: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what "mean-std" and "unit" subtract from a channel and divide it by, [3] and [3]."""
    if normalise == "unit":
        return np.zeros(3), np.full(3, 255.0)
    assert normalise == "mean-std", normalise
    std = statistics.channel_std
    # An image set of one colour has no spread; what is left of it is 0 anyway.
    return statistics.channel_mean, np.where(std > 0, std, 1.0)


def _middle(mean: Tensor, crop: int) -> Tensor:
    """Return the middle [crop, crop, 3] of a mean image [S, S, 3]; of 256 for 224: from 16 on."""
    start = (len(mean) - crop) // 2
    return mean[start : start + crop, start : start + crop].contiguous()
