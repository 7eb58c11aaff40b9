"""Learning curves: loss, errors and rate over the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from alextrain.figures.page import BLUE, GREY, GRID, RED, SKY, save
from alextrain.studies.published import Published

DOTTED = 30  # up to so many epochs each is a dot too

Epochs = Sequence[Mapping[str, Any]]


def draw_curves(
    path: Path,
    epochs: Epochs,
    classes: int,
    published: Sequence[Published] = (),
    rates: Sequence[tuple[float, float]] = (),
) -> Figure:
    """Draw loss, errors and learning rate over the epochs; drops of the rate are marked.

    Args:
        path: The PNG to write.
        epochs: One mapping an epoch, as logged.read_epochs returns them: "epoch" (epochs done, from
            1), "rate", and what is known of "train_loss", "val_loss", "train_top1_error" and so on;
            errors are shares of 1.
        classes: Their number; guessing costs ln(classes).
        published: Errors of others, drawn as lines.
        rates: (epochs done, rate) of the steps, which show a warm-up; else those of the epochs.
    """
    figure = Figure(figsize=(8, 9), layout="constrained")
    loss, error, rate = figure.subplots(3, sharex=True, height_ratios=[3, 3, 1.3])
    for split, words, colour in (("train", "training", SKY), ("val", "validation", BLUE)):
        _curve(loss, epochs, f"{split}_loss", color=colour, label=words)
        _curve(error, epochs, f"{split}_top1_error", color=colour, label=f"top-1, {words}")
        _curve(error, epochs, f"{split}_top5_error", color=colour, ls="--", label=f"top-5, {words}")
    chance = f"guessing: ln {classes:,} = {math.log(classes):.2f}"
    loss.axhline(math.log(classes), color=GREY, ls=":", lw=1.2, label=chance, gid="chance")
    for number, theirs in enumerate(published):
        words = f"{theirs.who}, {theirs.views} {'view' if theirs.views == 1 else 'views'}"
        style = {"color": GREY, "lw": 1.2, "ls": ("-", "--")[number % 2], "gid": "published"}
        error.axhline(theirs.top1, label=f"{words}: {theirs.top1:.1%}, {theirs.top5:.1%}", **style)
        error.axhline(theirs.top5, **style)
    loss.set(ylabel="loss (nats)", ylim=(0, None))
    error.set(ylabel="error", ylim=(0, 1))
    error.yaxis.set_major_formatter(PercentFormatter(1))
    drops = rate_drops(epochs)
    if rates:
        rate.plot(*zip(*rates, strict=True), color=RED, gid="rate")
    else:
        _curve(rate, epochs, "rate", color=RED, drawstyle="steps-pre" if drops else "default")
    rate.set(ylabel="learning rate", xlabel="epochs done", yscale="log" if drops else "linear")
    rate.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for axes in (loss, error, rate):
        _finish(axes, drops)
    loss.legend(frameon=False, fontsize="small")
    error.legend(frameon=False, fontsize="small", ncols=2)
    return save(figure, path)


def rate_drops(epochs: Epochs) -> list[int]:
    """Return after how many epochs the rate fell from one level to another.

    Beside a drop the rate stays for an epoch or more. A rate that falls a little with every epoch
    (cosine) has no levels, and so no drops.
    """
    rates = [row["rate"] for row in epochs]
    steady = [i for i in range(1, len(rates)) if rates[i] == rates[i - 1]]
    return [
        epochs[i - 1]["epoch"]
        for i in range(1, len(rates))
        if rates[i] < rates[i - 1] and (i - 1 in steady or i + 1 in steady)
    ]


def _curve(axes: Axes, epochs: Epochs, name: str, **options: Any) -> None:
    known = [(row["epoch"], row[name]) for row in epochs if row.get(name) is not None]
    if known:
        x, y = zip(*known, strict=True)
        marker = "o" if len(known) <= DOTTED else None
        axes.plot(x, y, marker=marker, ms=3.5, gid=name, **options)


def _finish(axes: Axes, drops: Sequence[int]) -> None:
    axes.grid(color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    for number, drop in enumerate(drops):
        label = "rate drops" if number == 0 else None
        axes.axvline(drop, color=RED, lw=1, ls=(0, (2, 3)), label=label, gid="drop")
