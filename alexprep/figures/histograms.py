"""How often each level occurs in each channel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import ShardError
from alexprep.figures.page import CHANNELS, COLOURS, new_figure, pixels, save
from alexprep.shards.reader import ShardReader

_IMAGES = 1000
_LEVELS = np.arange(256)


def count_levels(reader: ShardReader, images: int) -> NDArray[np.int64]:
    """Count the levels of the first images of a split: int64 [3, 256]."""
    counts = np.zeros((3, 256), np.int64)
    for number in range(min(images, len(reader))):
        image = pixels(reader, number).reshape(-1, 3)
        for channel in range(3):
            counts[channel] += np.bincount(image[:, channel], minlength=256)
    return counts


def draw_histograms(reader: ShardReader, path: Path, images: int = _IMAGES) -> None:
    """Draw the share of pixels at each level, of R, G and B.

    Shards are permuted, so the first images are a random choice. The ends, where clipped levels
    pile up, are told in numbers and may leave the frame.

    Raises:
        ShardError: the split is empty.
        DiskError: the picture cannot be written.
    """
    if not len(reader):
        raise ShardError(f"{reader.folder}: {reader.split} holds no image to show")
    counts = count_levels(reader, images)
    shares = 100 * counts / counts.sum(axis=1, keepdims=True)
    figure = new_figure(9, 4.8)
    axes = figure.subplots()
    for name, colour, share in zip(CHANNELS, COLOURS, shares, strict=True):
        label = (
            f"{name}: mean {share @ _LEVELS / 100:.1f}, "
            f"{share[0]:.2f} % at 0, {share[255]:.2f} % at 255"
        )
        axes.step(_LEVELS, share, where="mid", color=colour, linewidth=1.2, label=label)
    axes.set_xlim(-2, 257)
    axes.set_ylim(0, 1.15 * max(float(shares[:, 1:255].max()), 1e-3))
    axes.set_xticks([0, 32, 64, 96, 128, 160, 192, 224, 255])
    axes.set_xlabel("level, 0 to 255")
    axes.set_ylabel("share of pixels, %")
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    of, size = len(reader), reader.size
    figure.suptitle(
        f"Levels of {min(images, of):,} of {of:,} images of {reader.split}, {size}x{size}"
    )
    save(figure, path)
