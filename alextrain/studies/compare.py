"""Runs side by side: what each reached, and in what their recipes differ."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alextrain.errors import RecipeError
from alextrain.recipes.recipe import Recipe, load_recipe
from alextrain.studies.facets import differences
from alextrain.training.folder import RECIPE
from alextrain.training.logged import read_epochs, read_log

HOUR = 3600.0


@dataclass(frozen=True)
class Story:
    """One run as it is told beside others."""

    name: str
    recipe: Recipe
    epochs: Sequence[Mapping[str, Any]]  # as logged.read_epochs returns them, one or more
    shards: str = ""  # fingerprint of what it read; empty where it is not known
    weights: str = ""  # which ones it took up, in words; empty: none

    @property
    def best(self) -> Mapping[str, Any]:
        """The epoch with the smallest validation error; the last one where none was validated."""
        validated = [row for row in self.epochs if row.get("val_top1_error") is not None]
        return min(validated, key=lambda row: row["val_top1_error"], default=self.epochs[-1])

    @property
    def hours(self) -> float:
        """Time spent in epochs, hours."""
        return float(sum(row["seconds"] for row in self.epochs)) / HOUR

    @property
    def speed(self) -> float:
        """Images per second, the median over the epochs."""
        return float(statistics.median(row["images_per_second"] for row in self.epochs))


def read_story(folder: Path) -> Story:
    """Read a run's recipe and log; the run may still be going on.

    Raises:
        RecipeError: no run there, or no epoch of it is finished.
    """
    if not (folder / RECIPE).is_file():
        raise RecipeError(
            f"{folder}: is no run ({RECIPE} is missing); name the folder that "
            "`alextrain fit --run` was given"
        )
    epochs = read_epochs(folder)
    if not epochs:
        raise RecipeError(f"{folder}: no epoch of this run is finished yet")
    began = [row for row in read_log(folder) if row["kind"] == "machine"]
    first = began[0] if began else {}
    return Story(
        folder.name,
        load_recipe(folder / RECIPE),
        epochs,
        first.get("fingerprint", ""),
        first.get("weights", ""),
    )


def beside(first: Story, other: Story) -> list[str]:
    """Return in what a run differs from another, a line each; one line where in nothing known."""
    lines = [
        f"{topic}: {words} (not {its})"
        for topic, its, words in differences(first.recipe, other.recipe)
    ]
    if other.weights != first.weights:
        its, theirs = (story.weights or "new weights" for story in (other, first))
        lines.append(f"begun with: {its} (not {theirs})")
    if "" != other.shards != first.shards != "":
        lines.append(
            f"shards: fingerprint {other.shards[:16]} (not {first.shards[:16]}): the errors are "
            "those of other images"
        )
    return lines or ["in nothing but the seed or the length, if at all"]


def unique_names(folders: Sequence[Path]) -> list[str]:
    """Name runs by their folders, with as much of the path as tells them apart."""
    for depth in range(1, 1 + max(len(folder.absolute().parts) for folder in folders)):
        names = ["/".join(folder.absolute().parts[-depth:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [f"{folder} ({number})" for number, folder in enumerate(folders, 1)]


def table(stories: Sequence[Story]) -> list[str]:
    """Return the lines of a table, the smallest error first."""
    width = max(4, *(len(story.name) for story in stories))
    head = f"{'run':<{width}}  {'epochs':>6}  {'best':>4}  {'top-1':>7}  {'top-5':>7}"
    lines = [f"{head}  {'loss':>7}  {'train':>7}  {'images/s':>8}  {'hours':>6}"]
    for story in sorted(stories, key=_order):
        best = story.best
        lines.append(
            f"{story.name:<{width}}  {len(story.epochs):>6}  {best['epoch']:>4}  "
            f"{_percent(best.get('val_top1_error'))}  {_percent(best.get('val_top5_error'))}  "
            f"{_number(best.get('val_loss'))}  {_percent(best.get('train_top1_error'))}  "
            f"{story.speed:>8,.0f}  {story.hours:>6.2f}"
        )
    return [*lines, "top-1, top-5, loss: validation, 1 view, after the best epoch; train: top-1."]


def _order(story: Story) -> float:
    error = story.best.get("val_top1_error")
    return 2.0 if error is None else float(error)


def _percent(share: float | None) -> str:
    return f"{'-':>7}" if share is None else f"{share:>7.2%}"


def _number(value: float | None) -> str:
    return f"{'-':>7}" if value is None else f"{value:>7.4f}"
