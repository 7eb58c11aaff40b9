"""Images beside what the net took them for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from alextrain.figures.page import ORANGE, SKY, save, short

COLUMNS = 4  # images side by side
BARS = 5  # places for guesses under each image


def draw_mistakes(
    path: Path,
    images: NDArray[np.uint8],
    truths: NDArray[np.int64],
    guesses: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    names: Sequence[str],
) -> Figure:
    """Draw images with the classes that the net thought of, the true one in its own colour.

    Args:
        path: The PNG to write.
        images: uint8 [n, S, S, 3], n of 1 or more.
        truths: Labels [n].
        guesses: Labels [n, k], the likeliest first; k of 5 or less.
        probabilities: [n, k], of the guesses.
        names: Of the classes.

    Source: Krizhevsky et al. 2012, Figure 4, left.
    """
    columns = min(COLUMNS, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(2.7 * columns, 4.1 * rows + 0.3), layout="constrained")
    mistaken = "" if (guesses[:, 0] == truths).any() else "The surest mistakes. "
    figure.suptitle(f"{mistaken}Above each picture, and orange: the true class", fontsize=9)
    grid = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[2.4, 1.2] * rows)
    for axes in grid.flat:
        axes.set_axis_off()
    for number, truth in enumerate(truths.tolist()):
        row, column = divmod(number, columns)
        picture = grid[2 * row, column]
        picture.imshow(images[number])
        picture.set_title(short(names[truth], 26), fontsize=10, parse_math=False)
        colours = np.where(guesses[number] == truth, ORANGE, SKY).tolist()
        words = [short(names[guess], 22) for guess in guesses[number].tolist()]
        _bars(grid[2 * row + 1, column], words, probabilities[number].tolist(), colours)
    return save(figure, path)


def _bars(
    axes: Axes, words: Sequence[str], probabilities: Sequence[float], colours: Sequence[str]
) -> None:
    axes.barh(range(len(words)), 1, color="0.95", height=0.84)
    axes.barh(range(len(words)), probabilities, color=colours, height=0.84, gid="probabilities")
    for place, (word, share) in enumerate(zip(words, probabilities, strict=True)):
        axes.text(0.02, place, word, va="center", fontsize=8.5, parse_math=False)
        axes.text(1.15, place, f"{share:.0%}", va="center", ha="right", fontsize=8.5)
    axes.set(xlim=(0, 1.15), ylim=(BARS - 0.5, -0.5))
