"""The kernels of the first layer as small pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from alextrain.figures.page import save

COLUMNS = 16  # kernels side by side, as in the paper's Figure 3
INCHES = 0.6  # side of a kernel


def draw_kernels(path: Path, weight: NDArray[np.float32], groups: int) -> Figure:
    """Draw the kernels of the first layer, each on its own scale, each group apart.

    Args:
        path: The PNG to write.
        weight: [k, 3, h, w], of an RGB input. Zero is drawn as middle grey, the strongest weight
            of each kernel as the end of the scale.
        groups: Parts that the kernels fall into, in order: 2 in the paper.

    Source: Krizhevsky et al. 2012, Figure 3.
    """
    height, width = weight.shape[2:]
    parts = np.split(_tiles(weight), groups)
    columns = min(COLUMNS, len(parts[0]))
    rows = -(-len(parts[0]) // columns)
    size = INCHES * columns + 0.4, groups * (INCHES * rows + 0.45)
    figure = Figure(figsize=size, layout="constrained")
    for number, part in enumerate(parts, 1):
        axes = figure.add_subplot(groups, 1, number)
        axes.imshow(_mosaic(part, columns), interpolation="nearest")
        name = f"half {number}: " if groups == 2 else ""
        axes.set_title(f"{name}{len(part)} kernels of {height}x{width}", fontsize="small")
        axes.set_axis_off()
    return save(figure, path)


def _tiles(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the kernels as pictures float32 [k, h, w, 3] in 0..1."""
    strongest = np.abs(weight).max(axis=(1, 2, 3), keepdims=True)
    scaled = np.float32(0.5) + weight / np.where(strongest > 0, 2 * strongest, 1)
    tiles: NDArray[np.float32] = scaled.transpose(0, 2, 3, 1).astype(np.float32)
    return tiles


def _mosaic(tiles: NDArray[np.float32], columns: int) -> NDArray[np.float32]:
    """Lay tiles [n, h, w, 3] out in rows of `columns`, one white pixel between them."""
    count, height, width, _ = tiles.shape
    rows = -(-count // columns)
    mosaic = np.ones((rows * (height + 1) - 1, columns * (width + 1) - 1, 3), np.float32)
    for number, tile in enumerate(tiles):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        mosaic[top : top + height, left : left + width] = tile
    return mosaic
