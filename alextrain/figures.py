"""Every picture that training draws: curves, first-layer kernels, confusions, mistakes.

Colours are those of Okabe and Ito, which colour-blind people tell apart. Figures are drawn without
pyplot: no display, no global state.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from alexprep.files import write_atomically

__all__ = ["draw_confusion", "draw_curves", "draw_kernels", "draw_mistakes"]

BLUE, SKY, ORANGE, GREY = "#0072B2", "#56B4E9", "#D55E00", "#767676"
DPI = 120
NUMBERED = 25  # up to so many classes the confusion matrix shows names and numbers
LISTED = 20  # worst pairs listed beside a larger one
COLUMNS = 16  # kernels side by side, as in the paper's Figure 3


def draw_curves(path: Path, epochs: Sequence[Mapping[str, Any]], classes: int) -> Figure:
    """Draw loss, errors and learning rate over the epochs; drops of the rate are marked.

    Args:
        path: The PNG to write.
        epochs: One mapping an epoch, as runlog.read_epochs returns them: "epoch" (epochs done, from
            1), "rate", and of "train_loss", "val_loss", "train_top1_error", ... what is known;
            errors are shares of 1.
        classes: Their number; guessing costs ln(classes).
    """
    figure = Figure(figsize=(8, 9), layout="constrained")
    loss, error, rate = figure.subplots(3, sharex=True, height_ratios=[3, 3, 1.3])
    for split, colour in (("train", SKY), ("val", BLUE)):
        words = "training" if split == "train" else "validation"
        _curve(loss, epochs, f"{split}_loss", colour, "-", words)
        _curve(error, epochs, f"{split}_top1_error", colour, "-", f"top-1, {words}")
        _curve(error, epochs, f"{split}_top5_error", colour, "--", f"top-5, {words}")
    loss.axhline(math.log(classes), color=GREY, ls=":", lw=1.2, label=f"guessing: ln {classes:,}")
    loss.set(ylabel="loss (nats)", ylim=(0, None))
    error.set(ylabel="error", ylim=(0, 1))
    error.yaxis.set_major_formatter(PercentFormatter(1))
    _curve(rate, epochs, "rate", ORANGE, "-", "learning rate", drawstyle="steps-pre")
    rate.set(ylabel="learning rate", yscale="log", xlabel="epochs done")
    rate.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for axes in (loss, error, rate):
        axes.grid(color="0.9", lw=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        for number, drop in enumerate(_drops(epochs)):
            label = "rate drops" if number == 0 and axes is loss else None
            axes.axvline(drop, color=ORANGE, lw=1, ls=(0, (2, 3)), label=label, gid="drop")
    loss.legend(frameon=False, fontsize="small")
    error.legend(frameon=False, fontsize="small", ncols=2)
    return _save(figure, path)


def _curve(
    axes: Axes,
    epochs: Sequence[Mapping[str, Any]],
    name: str,
    colour: str,
    style: str,
    label: str,
    **options: Any,
) -> None:
    known = [(row["epoch"], row[name]) for row in epochs if row.get(name) is not None]
    if known:
        x, y = zip(*known, strict=True)
        marker = "o" if len(known) <= 30 else None
        axes.plot(x, y, color=colour, ls=style, marker=marker, ms=3, label=label, **options)


def _drops(epochs: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return after how many epochs the rate fell from one level to another.

    A rate that falls a little with every epoch (cosine) has no levels, so none of its steps is a
    drop: one of the two epochs beside a drop shares its rate with a neighbour.
    """
    rates = [row["rate"] for row in epochs]
    return [
        epochs[i - 1]["epoch"]
        for i in range(1, len(rates))
        if rates[i] < rates[i - 1]
        and (rates[i - 1] == rates[max(i - 2, 0)] or rates[i] == rates[min(i + 1, len(rates) - 1)])
    ]


def draw_kernels(path: Path, weight: NDArray[np.float32], groups: int) -> Figure:
    """Draw the kernels of the first layer, each on its own scale, each group apart.

    Args:
        path: The PNG to write.
        weight: [k, 3, h, w], of an RGB input. Zero is drawn as middle grey.
        groups: Halves that the kernels fall into, in order: 2 in the paper.

    Source: Krizhevsky et al. 2012, Figure 3.
    """
    weight = np.asarray(weight, np.float32)
    strongest = np.abs(weight).max(axis=(1, 2, 3), keepdims=True)
    tiles = 0.5 + weight / np.where(strongest > 0, 2 * strongest, 1)
    halves = np.split(tiles.transpose(0, 2, 3, 1).astype(np.float32), groups)
    columns = min(COLUMNS, len(halves[0]))
    rows = -(-len(halves[0]) // columns)
    figure = Figure(
        figsize=(0.6 * columns + 0.4, groups * (0.6 * rows + 0.45)), layout="constrained"
    )
    for number, (axes, half) in enumerate(
        zip(figure.subplots(groups, squeeze=False)[:, 0], halves, strict=True), 1
    ):
        axes.imshow(_mosaic(half, columns), interpolation="nearest")
        kernels = f"{len(half)} kernels of {weight.shape[2]}x{weight.shape[3]}"
        axes.set_title(f"half {number}: {kernels}" if groups == 2 else kernels, fontsize="small")
        axes.set_axis_off()
    return _save(figure, path)


def _mosaic(tiles: NDArray[np.float32], columns: int) -> NDArray[np.float32]:
    """Lay tiles [n, h, w, 3] out in rows of `columns`, one white pixel between them."""
    count, height, width, _ = tiles.shape
    rows = -(-count // columns)
    mosaic = np.ones((rows * (height + 1) - 1, columns * (width + 1) - 1, 3), np.float32)
    for number, tile in enumerate(tiles):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        mosaic[top : top + height, left : left + width] = tile
    return mosaic


def draw_confusion(path: Path, matrix: NDArray[np.int64], names: Sequence[str]) -> Figure:
    """Draw which classes are taken for which.

    Few classes are shown with names and numbers; many as an image with the worst pairs beside it.

    Args:
        path: The PNG to write.
        matrix: Counts [classes, classes]: the row is the truth, the column the first guess.
        names: Of the classes.
    """
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    if len(matrix) <= NUMBERED:
        figure = _numbered(matrix, shares, [_short(name, 20) for name in names])
    else:
        figure = _listed(matrix, shares, [_short(name, 24) for name in names])
    return _save(figure, path)


def _numbered(
    matrix: NDArray[np.int64], shares: NDArray[np.float64], names: Sequence[str]
) -> Figure:
    side = 2.6 + 0.55 * len(matrix)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    _show_shares(axes, shares)
    places = range(len(matrix))
    axes.set_xticks(
        places, names, rotation=45, ha="right", rotation_mode="anchor", parse_math=False
    )
    axes.set_yticks(places, names, parse_math=False)
    for truth, guess in np.argwhere(matrix).tolist():
        ink = "white" if shares[truth, guess] > 0.4 else "black"
        text = f"{matrix[truth, guess]:,}"
        axes.text(guess, truth, text, ha="center", va="center", color=ink, fontsize=8)
    axes.set_title(_right(matrix), fontsize="medium")
    return figure


def _listed(matrix: NDArray[np.int64], shares: NDArray[np.float64], names: Sequence[str]) -> Figure:
    figure = Figure(figsize=(13, 8), layout="constrained")
    axes, beside = figure.subplots(1, 2, width_ratios=[8, 5])
    _show_shares(axes, shares)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(_right(matrix), fontsize="medium")
    wrong = matrix * ~np.eye(len(matrix), dtype=bool)
    worst = np.argsort(-wrong, axis=None, kind="stable")[:LISTED]
    lines = []
    for truth, guess in zip(*np.unravel_index(worst, matrix.shape), strict=True):
        if wrong[truth, guess]:
            pair = f"{names[truth]} → {names[guess]}"
            lines.append(f"{wrong[truth, guess]:>5,}  {shares[truth, guess]:>4.0%}  {pair}")
    beside.set_axis_off()
    beside.set_title(
        "most frequent mistakes: images, share of class", loc="left", fontsize="medium"
    )
    beside.text(
        0,
        0.99,
        "\n".join(lines),
        va="top",
        family="monospace",
        fontsize=8.5,
        linespacing=1.7,
        transform=beside.transAxes,
        parse_math=False,
    )
    return figure


def _show_shares(axes: Axes, shares: NDArray[np.float64]) -> None:
    # The square root lets one mistake in fifty be seen beside the diagonal
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02, format=PercentFormatter(1))
    bar.set_label("share of the class")
    axes.set(xlabel="first guess", ylabel="truth")


def _right(matrix: NDArray[np.int64]) -> str:
    right, total = int(np.trace(matrix)), int(matrix.sum())
    return f"{right:,} of {total:,} images right ({right / max(total, 1):.1%})"


def draw_mistakes(
    path: Path,
    images: NDArray[np.uint8],
    truths: Sequence[int] | NDArray[np.int64],
    guesses: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    names: Sequence[str],
) -> Figure:
    """Draw images with the classes that the net thought of, the true one in its own colour.

    Args:
        path: The PNG to write.
        images: uint8 [n, S, S, 3].
        truths: Labels [n].
        guesses: Labels [n, k], the likeliest first.
        probabilities: [n, k], of the guesses.
        names: Of the classes.

    Source: Krizhevsky et al. 2012, Figure 4, left.
    """
    columns = min(4, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(2.7 * columns, 4.1 * rows), layout="constrained")
    grid = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[2.4, 1.2] * rows)
    for axes in grid.flat[:]:
        axes.set_axis_off()
    for number, truth in enumerate(np.asarray(truths).tolist()):
        row, column = divmod(number, columns)
        above, below = grid[2 * row, column], grid[2 * row + 1, column]
        above.imshow(images[number])
        above.set_title(_short(names[truth], 26), fontsize=10, parse_math=False)
        _bars(below, guesses[number], probabilities[number], truth, names)
    return _save(figure, path)


def _bars(
    axes: Axes,
    guesses: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    truth: int,
    names: Sequence[str],
) -> None:
    places = np.arange(len(guesses))
    colours = [ORANGE if guess == truth else SKY for guess in guesses.tolist()]
    axes.barh(places, probabilities, color=colours, height=0.82)
    for place, guess, share in zip(
        places.tolist(), guesses.tolist(), probabilities.tolist(), strict=True
    ):
        text = f"{_short(names[guess], 22)}  {share:.0%}"
        axes.text(0.02, place, text, va="center", fontsize=8.5, parse_math=False)
    axes.set(xlim=(0, 1), ylim=(max(len(guesses), 5) - 0.5, -0.5))


def _short(name: str, length: int) -> str:
    """Return the first of a class's names, cut to `length` characters."""
    first = name.split(",", maxsplit=1)[0]
    return first if len(first) <= length else first[: length - 1] + "…"


def _save(figure: Figure, path: Path) -> Figure:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    write_atomically(path, buffer.getvalue())
    return figure
