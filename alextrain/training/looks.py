"""What a run shows of its net in TensorBoard: the first layer, its input, how values are spread.

input/batch            the first batch as the net sees it, once at the start
kernels/conv1          at the start and after each epoch
weights/, biases/      with --histograms, after each epoch: of every layer
activations/           with --histograms: of the same images each time, so that epochs compare
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alextrain.data.augment import Augmenter
from alextrain.training.evaluation import Subset
from alextrain.training.histograms import activation_histograms, weight_histograms
from alextrain.training.mosaic import COLUMNS, kernel_tiles, mosaic
from alextrain.training.runlog import NoLog, RunLog
from alextrain.training.sets import Sets

IMAGES = 64  # whose activations are counted
SHOWN = 16  # images of the first batch, in a square
KERNEL = 44  # pixels that a kernel is enlarged to, as near as whole factors come


def show_start(log: RunLog | NoLog, model: nn.Module, inputs: Tensor, augmenter: Augmenter) -> None:
    """Show the net's graph, its input and its first kernels.

    Args:
        log: Of the run.
        model: The net itself, not a compiled one.
        inputs: The first batch, float32 [n, 3, c, c], on the model's device.
        augmenter: That made it.
    """
    log.graph(model, inputs[:1])
    tiles = augmenter.as_levels(inputs[:SHOWN]).cpu().numpy().astype(np.float32) / np.float32(255)
    log.picture("input/batch", 0, _pixels(mosaic(tiles, 4)))
    log.picture("kernels/conv1", 0, _kernels(model))


def show_epoch(log: RunLog | NoLog, model: nn.Module, step: int, images: Tensor | None) -> None:
    """Show the first kernels and, of given images, the histograms.

    Args:
        log: Of the run.
        model: The net that is evaluated and kept.
        step: Steps done.
        images: float32 [n, 3, c, c] on the model's device; None: no histograms.
    """
    log.picture("kernels/conv1", step, _kernels(model))
    if images is not None:
        log.histograms(step, weight_histograms(model) | activation_histograms(model, images))


def fixed_images(sets: Sets, augmenter: Augmenter) -> Tensor:
    """Return the first images that are validated on, else trained on: float32 [n, 3, c, c].

    The centre view, without a draw: the same each time.
    """
    subset = sets.validation or Subset("train", sets.train, np.flatnonzero(~sets.kept_out))
    batches = subset.loader.batches(subset.numbers[:IMAGES])
    images = torch.cat([batch.images for batch in batches])
    (centre,) = augmenter.views(images.to(augmenter.device))
    return centre


@torch.no_grad()
def _kernels(model: nn.Module) -> NDArray[np.uint8]:
    """Draw the kernels of the first layer, enlarged; a wider gap between the two halves."""
    weight = model.get_parameter("features.conv1.weight").float().cpu().numpy()
    conv2 = model.get_submodule("features.conv2")
    assert isinstance(conv2, nn.Conv2d)
    parts = np.split(kernel_tiles(weight), conv2.groups)
    sheets = [mosaic(part, min(COLUMNS, len(part))) for part in parts]
    gap = np.ones((2, sheets[0].shape[1], 3), np.float32)
    sheet = np.concatenate([row for part in sheets for row in (part, gap)][:-1])
    factor = max(1, KERNEL // weight.shape[2])
    return _pixels(sheet.repeat(factor, axis=0).repeat(factor, axis=1))


def _pixels(sheet: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (sheet * 255).round().astype(np.uint8)
