"""Loading and training together, as `fit` runs: images a second, and the share of waiting."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from alextrain.device import Machine
from alextrain.recipes.recipe import Recipe, to_toml
from alextrain.training.listener import Wish
from alextrain.training.logged import read_epochs
from alextrain.training.loop import StepResult
from alextrain.training.run import Run
from alextrain.training.sets import Sets, open_sets
from alextrain.training.setup import make_trainer
from benchmarks.timing import Row


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


def under_torchrun(shards: Path, work: Path, recipe: Recipe) -> Row:
    """Compare `alextrain fit` under torchrun, with one process, with the same without torchrun.

    The speed is that of the last epoch.
    """
    module = ["-m", "alextrain", "fit", str(shards), "--recipe", str(work / "recipe.toml")]
    (work / "recipe.toml").write_text(to_toml(recipe), encoding="utf-8")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1"]
    rates = []
    for name, command in (("joined", torchrun + module), ("alone", module)):
        run = work / f"run-{name}"
        shutil.rmtree(run, ignore_errors=True)
        subprocess.run(
            [sys.executable, *command, "--run-folder", str(run)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        rates.append(float(read_epochs(run)[-1]["images_per_second"]))
    joined, alone = rates
    what = f"fit under torchrun, one process / alone, batch {recipe.batch_size}"
    return Row(what, "images/s", joined, alone, joined / alone)


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
