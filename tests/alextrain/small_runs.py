"""Runs of a few steps on the small shards, for the tests of training."""

import torch

from alextrain.device import choose_machine
from alextrain.recipes.recipe import load_recipe
from alextrain.training.checkpoint import load_checkpoint, load_latest
from alextrain.training.listener import Wish
from alextrain.training.run import Run
from alextrain.training.sets import open_sets
from alextrain.training.setup import make_trainer

CROP = 67
MACHINE = choose_machine("cpu")


def recipe(name="quick", **changes):
    defaults = {"width": 0.05, "crop": CROP, "epochs": 3, "batch_size": 5, "lr": 0.01}
    return load_recipe(name, defaults | changes)


class Listener:
    """Stops after a number of steps, and keeps what it hears."""

    def __init__(self, stop_after=None):
        self.notes, self.epochs, self.steps = [], [], 0
        self.stop_after = stop_after

    def note(self, text):
        self.notes.append(text)

    def epoch_begins(self, epoch, samples, seen):
        pass

    def step(self, result, shown):
        self.steps += 1

    def epoch_ends(self, values):
        self.epochs.append(values)

    def wish(self):
        return Wish.STOP if self.steps == self.stop_after else Wish.GO_ON


def fit(
    shards,
    folder,
    given,
    stop_after=None,
    resume=False,
    weights=None,
    *,
    cache="off",
    workers=1,
    **of_the_run,
):
    sets = open_sets(shards, given, MACHINE, cache=cache, workers=workers)
    trainer = make_trainer(given, MACHINE, len(sets.manifest.classes), compiled=False)
    listener = Listener(stop_after)
    run = Run(folder, sets, trainer, MACHINE, listener, **of_the_run)
    run.start(load_latest(folder) if resume else None, weights)
    return run.fit(), listener, trainer


def weights_of(path):
    return load_checkpoint(path)["model"]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
