"""Pictures beside those of the training set that the network sees as most like them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from alextrain.figures.page import ORANGE, save, short


def draw_neighbours(
    path: Path,
    queries: tuple[NDArray[np.uint8], Sequence[int]],
    found: tuple[NDArray[np.uint8], NDArray[np.int64]],
    distances: NDArray[np.float32],
    names: Sequence[str],
    title: str,
) -> Figure:
    """Draw a row for each picture: itself, and its neighbours, the nearest first.

    Args:
        path: The PNG to write.
        queries: Images uint8 [q, S, S, 3] and their labels.
        found: Images uint8 [q, k, S, S, 3] and their labels [q, k].
        distances: [q, k].
        names: Of the classes.
        title: What was compared with what.

    Source: Krizhevsky et al. 2012, Figure 4, right.
    """
    images, labels = queries
    near, theirs = found
    columns = near.shape[1] + 1
    figure = Figure(figsize=(1.5 * columns + 0.3, 1.85 * len(images) + 0.6), layout="constrained")
    figure.suptitle(title, fontsize=9)
    ratios = [1.0, 0.12, *([1.0] * near.shape[1])]
    grid = figure.subplots(len(images), columns + 1, squeeze=False, width_ratios=ratios)
    for row, label in enumerate(labels):
        grid[row, 1].set_axis_off()
        _show(grid[row, 0], images[row], short(names[label], 18), framed=False)
        for column in range(near.shape[1]):
            axes, its = grid[row, column + 2], int(theirs[row, column])
            _show(axes, near[row, column], short(names[its], 18), framed=its == label)
            axes.set_xlabel(f"{distances[row, column]:.2f}", fontsize=7, labelpad=2)
    return save(figure, path)


def _show(axes: Axes, image: NDArray[np.uint8], name: str, *, framed: bool) -> None:
    axes.imshow(image)
    axes.set_title(name, fontsize=8, parse_math=False, pad=3)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=framed, color=ORANGE, linewidth=3)
