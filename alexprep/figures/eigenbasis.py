"""The principal axes of colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from alexprep.figures.page import CHANNELS, COLOURS, GRAY, new_figure, save
from alexprep.shards.statistics import Statistics
from alexprep.tables import AUTHORS_AXES_STD


def draw_eigenbasis(statistics: Statistics, path: Path) -> None:
    """Draw the principal axes of colour: what one to three deviations along each look like.

    Raises:
        DiskError: the picture cannot be written.
    """
    figure = new_figure(9, 5.6)
    grid = figure.subplots(3, 2, width_ratios=(2.2, 1))
    stds = np.sqrt(statistics.eigenvalues)
    for axis in range(3):
        ramp, bars = grid[axis]
        vector = statistics.eigenvectors[:, axis]
        places = np.linspace(-3, 3, 241)
        colours = statistics.channel_mean + places[:, None] * stds[axis] * vector
        ramp.imshow(
            np.clip(colours / 255, 0, 1)[None], aspect="auto", extent=(-3, 3, 0, 1),
            interpolation="nearest",
        )  # fmt: skip
        ramp.set_yticks([])
        ramp.set_title(
            f"axis {axis + 1}: standard deviation {stds[axis]:.1f} levels "
            f"(authors: {AUTHORS_AXES_STD[axis]:.1f})",
            fontsize=10,
            loc="left",
        )
        _draw_vector(bars, vector)
    grid[2, 0].set_xlabel("standard deviations from the mean colour")
    grid[0, 1].set_title("direction", fontsize=10, loc="left")
    figure.suptitle(f"Principal axes of colour, {statistics.count:,} images ({statistics.split})")
    save(figure, path)


def _draw_vector(axes: Axes, vector: NDArray[np.float64]) -> None:
    axes.axhline(0, color=GRAY, linewidth=0.8)
    axes.bar(CHANNELS, vector, color=COLOURS, width=0.6)
    axes.set_ylim(-1.45, 1.45)
    axes.set_yticks([-1, 0, 1])
    for place, value in enumerate(vector):
        above = value >= 0
        axes.text(
            place,
            value + (0.08 if above else -0.08),
            f"{value:.3f}",
            ha="center",
            va="bottom" if above else "top",
            fontsize=8,
        )
