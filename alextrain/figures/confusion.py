"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from alextrain.figures.page import DPI, save, short

NUMBERED = 25  # up to so many classes are shown with names and numbers
LISTED = 36  # mistakes listed beside a larger matrix
LARGE_DPI = 170  # at which each of 1,000 classes has its own pixel


def draw_confusion(path: Path, matrix: NDArray[np.int64], names: Sequence[str]) -> Figure:
    """Draw which classes are taken for which.

    Few classes are shown with names and numbers; many as an image, with the most frequent mistakes
    listed beside it.

    Args:
        path: The PNG to write.
        matrix: Counts [classes, classes]: the row is the truth, the column the first guess.
        names: Of the classes.
    """
    if len(matrix) <= NUMBERED:
        return save(_numbered(matrix, [short(name, 20) for name in names]), path, DPI)
    return save(_listed(matrix, [short(name, 24) for name in names]), path, LARGE_DPI)


def _numbered(matrix: NDArray[np.int64], names: Sequence[str]) -> Figure:
    side = 2.4 + 0.55 * len(matrix)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    image = _image(axes, matrix)
    _bar(figure, axes, image)
    places = range(len(matrix))
    axes.set_xticks(
        places, names, parse_math=False, rotation=45, ha="right", rotation_mode="anchor"
    )
    axes.set_yticks(places, names, parse_math=False)
    shares = _shares(matrix)
    for truth, guess in np.argwhere(matrix).tolist():
        ink = "white" if shares[truth, guess] > 0.3 else "black"
        text = f"{matrix[truth, guess]:,}"
        axes.text(guess, truth, text, ha="center", va="center", color=ink, fontsize=8)
    return figure


def _listed(matrix: NDArray[np.int64], names: Sequence[str]) -> Figure:
    figure = Figure(figsize=(13, 8), layout="constrained")
    axes, beside = figure.subplots(1, 2, width_ratios=[8, 5])
    image = _image(axes, matrix)
    _bar(figure, axes, image)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    beside.set_axis_off()
    beside.set_title(
        "most frequent mistakes: images, share of the class", loc="left", fontsize="medium"
    )
    lines = "\n".join(_mistakes(matrix, names))
    style = {"family": "monospace", "size": 8}
    beside.text(0, 1, lines, va="top", linespacing=1.7, fontproperties=style, parse_math=False)
    return figure


def _mistakes(matrix: NDArray[np.int64], names: Sequence[str]) -> list[str]:
    """Name the pairs that are most often confused, one line each, the worst first."""
    wrong = matrix * ~np.eye(len(matrix), dtype=bool)
    shares = _shares(matrix)
    worst = np.argsort(-wrong, axis=None, kind="stable")[:LISTED].tolist()
    pairs = [divmod(place, len(matrix)) for place in worst]
    return [
        f"{wrong[truth, guess]:>5,} {shares[truth, guess]:>5.0%}  {names[truth]} → {names[guess]}"
        for truth, guess in pairs
        if wrong[truth, guess]
    ]


def _image(axes: Axes, matrix: NDArray[np.int64]) -> AxesImage:
    """Show the share of each class that is taken for each, and say how many are right."""
    right, total = int(np.trace(matrix)), int(matrix.sum())
    axes.set_title(
        f"{right:,} of {total:,} images right ({right / max(total, 1):.1%})", fontsize="medium"
    )
    axes.set(xlabel="first guess", ylabel="truth")
    # The power lets one mistake in fifty be seen beside the diagonal
    return axes.imshow(
        _shares(matrix), cmap="Blues", norm=PowerNorm(0.4, 0, 1), interpolation="nearest"
    )


def _bar(figure: Figure, axes: Axes, image: AxesImage) -> None:
    bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02, format=PercentFormatter(1))
    bar.set_label("share of the class")


def _shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return shares
