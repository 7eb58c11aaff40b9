"""The folder of a run: held by one process, with the recipe and the log of what happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from alexprep.files import disk_errors, lock_directory, write_atomically
from alexprep.shards.manifest import Manifest
from alextrain.device import Machine
from alextrain.ranks import Ranks
from alextrain.recipes.recipe import Recipe, to_toml
from alextrain.training.runlog import NoLog, RunLog
from alextrain.version import __version__

RECIPE = "recipe.toml"  # what the run trains by, every key with its value


@contextmanager
def open_folder(folder: Path, recipe: Recipe, step: int, ranks: Ranks) -> Iterator[RunLog | NoLog]:
    """Hold the folder of a run and write its log; of several processes the first one alone.

    Args:
        folder: Made if it is missing.
        recipe: Written into it.
        step: That the run goes on from.
        ranks: The processes of the run.

    Raises:
        DiskError: the folder cannot be written, or another run is at work there.
    """
    if not ranks.first:
        yield NoLog()
        return
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with lock_directory(folder):
        write_atomically(folder / RECIPE, to_toml(recipe).encode())
        log = RunLog(folder, resume_step=step)
        try:
            yield log
        finally:
            log.close()


def describe(machine: Machine, ranks: Ranks, manifest: Manifest) -> dict[str, str | int]:
    """Return on what a run goes on and what it reads, for its log."""
    return {
        "device": machine.describe(),
        "type": machine.device.type,
        "processes": ranks.count,
        "torch": str(torch.__version__),
        "alexkit": __version__,
        "fingerprint": manifest.fingerprint,
    }
