"""The kernels of the first layer as small pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from alextrain.figures.page import save
from alextrain.training.mosaic import COLUMNS, kernel_tiles, mosaic

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
    parts = np.split(kernel_tiles(weight), groups)
    columns = min(COLUMNS, len(parts[0]))
    rows = -(-len(parts[0]) // columns)
    size = INCHES * columns + 0.4, groups * (INCHES * rows + 0.45)
    figure = Figure(figsize=size, layout="constrained")
    for number, part in enumerate(parts, 1):
        axes = figure.add_subplot(groups, 1, number)
        axes.imshow(mosaic(part, columns), interpolation="nearest")
        name = f"half {number}: " if groups == 2 else ""
        axes.set_title(f"{name}{len(part)} kernels of {height}x{width}", fontsize="small")
        axes.set_axis_off()
    return save(figure, path)
