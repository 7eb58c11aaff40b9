"""The mean image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alexprep.figures.page import CHANNELS, new_figure, save
from alexprep.shards.statistics import Statistics


def draw_mean_image(statistics: Statistics, path: Path) -> None:
    """Draw the mean image as it is, and its contrast stretched so that its shape shows.

    Raises:
        DiskError: the picture cannot be written.
    """
    mean = statistics.mean_image.astype(np.float64)
    low, high = mean.min(axis=(0, 1)), mean.max(axis=(0, 1))
    stretched = (mean - low) / np.maximum(high - low, 1e-9)
    figure = new_figure(9, 5.1)
    left, right = figure.subplots(1, 2)
    left.imshow(mean / 255)
    left.set_title("as it is", fontsize=11)
    levels = " ".join(f"{level:.1f}" for level in statistics.channel_mean)
    left.set_xlabel(f"mean R G B: {levels}")
    right.imshow(stretched)
    right.set_title("each channel stretched to its own range", fontsize=11)
    ranges = [f"{name} {a:.0f} to {b:.0f}" for name, a, b in zip(CHANNELS, low, high, strict=True)]
    right.set_xlabel(", ".join(ranges))
    height, width, _ = mean.shape
    for axes in (left, right):
        axes.set_xticks([0, width // 2, width - 1])
        axes.set_yticks([0, height // 2, height - 1])
    figure.suptitle(f"Mean of {statistics.count:,} images ({statistics.split}), in levels 0 to 255")
    save(figure, path)
