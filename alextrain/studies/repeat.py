"""Several runs that differ in their seed alone: what they have in common, and what chance did."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alextrain.errors import RecipeError
from alextrain.recipes.recipe import Recipe
from alextrain.training.health import MARGIN
from alextrain.training.logged import read_epochs

__all__ = ["Repeats", "repeats_of", "seeded"]


@dataclass(frozen=True)
class Repeats:
    """What K runs gave; errors are shares of 1, of the best epoch of each, by top-1 error."""

    seeds: tuple[int, ...]
    top1_errors: tuple[float, ...]
    top5_errors: tuple[float, ...]  # none where there are five classes or fewer
    learned: int  # runs whose last training loss is below that of guessing

    def lines(self) -> list[str]:
        """Return the runs and what they have in common, as lines for a terminal."""
        columns = [errors for errors in (self.top1_errors, self.top5_errors) if errors]
        names = ["top-1 error", "top-5 error"][: len(columns)]
        return [
            f"{'seed':<12}" + "".join(f"{name:>12}" for name in names),
            *(
                _row(str(seed), [errors[number] for errors in columns])
                for number, seed in enumerate(self.seeds)
            ),
            _row("mean", [statistics.fmean(errors) for errors in columns]),
            _row("deviation", [_deviation(errors) for errors in columns]),
            f"{self.learned} of {len(self.seeds)} learned",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "seeds": list(self.seeds),
            "top1_errors": list(self.top1_errors),
            "top5_errors": list(self.top5_errors),
            "top1_mean": statistics.fmean(self.top1_errors),
            "top1_deviation": _deviation(self.top1_errors),
            "learned": self.learned,
        }


def seeded(recipe: Recipe, count: int) -> list[Recipe]:
    """Return the recipe with `count` seeds, its own and those that follow."""
    return [replace(recipe, seed=recipe.seed + number) for number in range(count)]


def repeats_of(folders: Sequence[Path], recipes: Sequence[Recipe], classes: int) -> Repeats:
    """Read what finished runs gave.

    Args:
        folders: Of the runs.
        recipes: Theirs.
        classes: Their number; guessing costs ln(classes).

    Raises:
        RecipeError: a run validated nothing, so that there is no error to compare.
    """
    best, learned = [], 0
    for folder in folders:
        epochs = read_epochs(folder)
        validated = [row for row in epochs if row.get("val_top1_error") is not None]
        if not validated:
            raise RecipeError(
                f"{folder}: nothing was validated, so there is no error to compare; use --holdout "
                "0.05, or shards with a val split"
            )
        best.append(min(validated, key=lambda row: row["val_top1_error"]))
        learned += epochs[-1]["train_loss"] < (1 - MARGIN) * math.log(classes)
    return Repeats(
        tuple(recipe.seed for recipe in recipes),
        tuple(row["val_top1_error"] for row in best),
        tuple(row["val_top5_error"] for row in best if row.get("val_top5_error") is not None),
        learned,
    )


def _row(name: str, values: list[float]) -> str:
    return f"{name:<12}" + "".join(f"{value:>12.2%}" for value in values)


def _deviation(values: Sequence[float]) -> float:
    """Return the standard deviation of a sample (K - 1 in the denominator); of one: 0."""
    return statistics.stdev(values) if len(values) > 1 else 0.0
