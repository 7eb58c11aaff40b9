"""Loading and training together, as `fit` runs: images a second, and the share of waiting."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

from alextrain.device import Machine
from alextrain.recipes.recipe import Recipe
from alextrain.training.listener import Wish
from alextrain.training.loop import StepResult
from alextrain.training.run import Run
from alextrain.training.sets import Sets, open_sets
from alextrain.training.setup import make_trainer


class Speed(NamedTuple):
    """What the last epoch of a run gave."""

    rate: float  # images a second
    waiting: float  # share of the epoch in which the loop waited for a batch


class Ear:
    """The listener of a run that keeps its last epoch's speed."""

    def __init__(self, sets: Sets) -> None:
        self.speed = Speed(0.0, 0.0)
        self._train = sets.train
        self._waited = 0.0

    def note(self, text: str) -> None:
        """Print what the user should know."""
        print(text, flush=True)

    def epoch_begins(self, epoch: int, samples: int, seen: int) -> None:
        """Remember how long was waited before."""
        del epoch, samples, seen
        self._waited = self._train.wait_seconds

    def step(self, result: StepResult, shown: dict[str, float] | None) -> None:
        """Let it pass."""

    def epoch_ends(self, values: dict[str, Any]) -> None:
        """Keep the speed."""
        waited = self._train.wait_seconds - self._waited
        self.speed = Speed(values["images_per_second"], waited / values["seconds"])

    def wish(self) -> Wish:
        """Never stop."""
        return Wish.GO_ON


def fit(
    shards: Path,
    work: Path,
    recipe: Recipe,
    machine: Machine,
    *,
    cache: str,
    compiled: bool,
    decode: str,
) -> Speed:
    """Train on the shards and return the speed of the last epoch.

    The epochs before it take what comes once: compiling, choosing algorithms, taking memory.
    """
    folder = work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    sets = open_sets(shards, recipe, machine, cache=cache, decode=decode)
    trainer = make_trainer(recipe, machine, len(sets.manifest.classes), compiled)
    ear = Ear(sets)
    run = Run(folder, sets, trainer, machine, ear)
    run.start(None)
    run.fit()
    sets.train.close()
    return ear.speed
