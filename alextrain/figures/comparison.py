"""Several runs in one picture: validation error and loss over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from alextrain.figures.page import BLUE, GREY, GRID, ORANGE, RED, SKY, save

COLOURS = (BLUE, RED, SKY, ORANGE, GREY, "#009E73", "#CC79A7", "black")
STYLES = ("-", "--", ":")  # from the ninth run on the colours come again, in another style


def draw_comparison(path: Path, runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Draw the runs' validation errors (training errors where nothing was validated) and losses.

    Args:
        path: The PNG to write.
        runs: Name -> one mapping an epoch, as logged.read_epochs returns them.
    """
    figure = Figure(figsize=(9, 8), layout="constrained")
    error, loss = figure.subplots(2, sharex=True)
    for number, (name, epochs) in enumerate(runs.items()):
        colour = COLOURS[number % len(COLOURS)]
        style = STYLES[number // len(COLOURS) % len(STYLES)]
        for axes, figures in ((error, "top1_error"), (loss, "loss")):
            _curve(axes, epochs, figures, name, colour, style)
    error.set(ylabel="top-1 error, 1 view", ylim=(0, 1))
    error.yaxis.set_major_formatter(PercentFormatter(1))
    loss.set(ylabel="loss (nats)", xlabel="epochs done", ylim=(0, None))
    loss.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for axes in (error, loss):
        axes.grid(color=GRID, lw=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    for text in error.legend(frameon=False, fontsize="small").get_texts():
        text.set_parse_math(False)
    return save(figure, path)


def _curve(
    axes: Axes,
    epochs: Sequence[Mapping[str, Any]],
    figures: str,
    name: str,
    colour: str,
    style: str,
) -> None:
    validated = any(row.get(f"val_{figures}") is not None for row in epochs)
    key = f"val_{figures}" if validated else f"train_{figures}"
    known = [(row["epoch"], row[key]) for row in epochs if row.get(key) is not None]
    if known:
        x, y = zip(*known, strict=True)
        label = name if validated else f"{name} (training)"
        marker = "o" if len(known) <= 30 else None
        axes.plot(x, y, color=colour, ls=style, marker=marker, ms=3, label=label, gid=name)
