"""A range test: the loss over the rising rate, the chosen one marked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from alextrain.figures.page import BLUE, GRID, RED, SKY, save

if TYPE_CHECKING:
    from alextrain.studies.rate_range import Range


def draw_rate_range(path: Path, found: Range) -> Figure:
    """Draw the loss of each step and the smoothed one over the rate, and mark the choice, if any.

    Args:
        path: The PNG to write.
        found: What `search_rate` gave.
    """
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(found.rates, found.losses, color=SKY, lw=1, label="each batch")
    axes.plot(found.rates, found.smoothed, color=BLUE, lw=2, label="smoothed")
    if found.chosen is not None:
        label = f"chosen: {found.chosen:g}"
        axes.axvline(found.chosen, color=RED, lw=1.5, label=label, gid="chosen")
    low, high = min(found.smoothed), max(found.smoothed[0], found.losses[0])
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss (nats)")
    axes.set_ylim(low - 0.1 * (high - low) - 0.01, high + 0.5 * (high - low) + 0.01)
    axes.grid(color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small")
    return save(figure, path)
