"""The same steps on the CPU and on the device, in float32: how far the two runs come apart.

Dropout is off, for its masks come from each device's own generator, and so is TF32. What is left
are roundings: other orders of the same sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from alextrain.device import Machine
from alextrain.ranks import ALONE
from alextrain.recipes.recipe import load_recipe
from alextrain.training.feed import Feed
from alextrain.training.metrics import Tally
from alextrain.training.sets import open_sets
from alextrain.training.setup import make_augmenter, make_trainer
from benchmarks.timing import Row

STEPS = 50
SETTINGS = {"width": 0.25, "crop": 143, "batch_size": 32, "dropout": 0.0, "init": "he"}
BOUND = 1e-2  # of what 50 steps changed; grows with the steps, as roundings do


class Trained(NamedTuple):
    """What so many steps made of a net."""

    begun: Tensor  # all weights before, float64 [n]
    ended: Tensor  # and after
    losses: list[float]  # of the steps


def agreement(shards: Path, device: torch.device, steps: int = STEPS) -> Iterator[Row]:
    """Train `paper` on the CPU and on the device, from the same weights on the same batches."""
    with _no_tf32():
        host, there = (_train(shards, place, steps) for place in (torch.device("cpu"), device))
    what = f"{steps} steps in float32, cpu and {device.type}"
    loss = max(abs(a - b) / abs(a) for a, b in zip(host.losses, there.losses, strict=True))
    yield Row(f"{what}: losses apart, relative, at most", "", loss)
    apart, moved = (host.ended - there.ended).norm(), (host.ended - host.begun).norm()
    yield Row(f"{what}: weights apart / moved", "", float(apart / moved), at_most=BOUND)


def _train(shards: Path, device: torch.device, steps: int) -> Trained:
    recipe, machine = load_recipe("paper", SETTINGS), Machine(device, "off")
    sets = open_sets(shards, recipe, machine, cache="off")
    trainer = make_trainer(recipe, machine, len(sets.manifest.classes), compiled=False)
    augmenter = make_augmenter(recipe, sets.statistics, machine)
    begun = _weights(trainer.model)
    with closing(sets.train):
        feed = Feed(sets, recipe, augmenter, ALONE)
        with closing(feed.batches(trainer.progress)) as batches:
            results = trainer.train(batches, sets.train_samples, Tally(device))
            losses = [float(result.loss) for result in islice(results, steps)]
    if len(losses) < steps:
        raise SystemExit(f"{shards}: an epoch has {len(losses)} steps of {recipe.batch_size} only")
    return Trained(begun, _weights(trainer.model), losses)


def _weights(model: nn.Module) -> Tensor:
    return torch.cat([value.detach().cpu().double().flatten() for value in model.parameters()])


@contextmanager
def _no_tf32() -> Iterator[None]:
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = False
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
