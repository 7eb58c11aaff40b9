"""Where the time of training goes: the loader alone, the network alone, both together."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, repeat

import torch
from torch import Tensor

from alextrain.device import Machine
from alextrain.ranks import ALONE
from alextrain.recipes.recipe import Recipe
from alextrain.training.feed import Feed
from alextrain.training.loop import Progress, Trainer
from alextrain.training.metrics import Tally
from alextrain.training.sets import Sets
from alextrain.training.setup import make_augmenter, make_trainer

SECONDS = 5.0  # of each measurement
WARM = 3  # steps before it: memory is taken, algorithms are chosen
HINDERED = 0.8  # of the slower part alone: below it the two take each other's cores
BALANCED = 1.1  # faster one / slower one: up to it neither is the bottleneck


@dataclass(frozen=True)
class Speed:
    """Images per second, and what they say."""

    loader: float  # reading, decoding and augmenting alone
    network: float  # steps on one batch that stays on the device
    together: float
    waiting: float  # share of the time together in which the network waits for a batch
    lrn: float | None  # share of a step that LRN takes; None: the net has none
    bytes: int  # most memory in use: of the device, or of the process on the CPU

    @property
    def bottleneck(self) -> str:
        """Return "loader", "network", "cores" (they hinder each other) or "neither"."""
        slower = min(self.loader, self.network)
        if self.together < HINDERED * slower:
            return "cores"
        if max(self.loader, self.network) <= BALANCED * slower:
            return "neither"
        return "loader" if self.loader < self.network else "network"


def measure_speed(
    sets: Sets, recipe: Recipe, machine: Machine, *, compiled: bool, seconds: float = SECONDS
) -> Speed:
    """Measure a recipe on shards. Nothing is written; some steps are trained and forgotten.

    Args:
        sets: Opened for this recipe.
        recipe: The net, its input and batch size.
        machine: Device and precision.
        compiled: Whether the net is compiled.
        seconds: Of each of the measurements.
    """
    classes = len(sets.manifest.classes)
    trainer = make_trainer(recipe, machine, classes, compiled)
    augmenter = make_augmenter(recipe, sets.statistics, machine)
    feed = Feed(sets, recipe, augmenter, ALONE)
    batch = next(_endless(feed))
    loader = _images_per_second(_endless(feed), machine, seconds)
    network = _step_rate(trainer, repeat(batch), machine, seconds)
    waited = sets.train.wait_seconds
    began = time.perf_counter()
    together = _step_rate(trainer, _endless(feed), machine, seconds)
    waiting = (sets.train.wait_seconds - waited) / (time.perf_counter() - began)
    most = _most_memory(machine)
    return Speed(
        loader=loader,
        network=network,
        together=together,
        waiting=min(waiting, 1.0),
        lrn=_share_of_lrn(recipe, machine, classes, compiled, batch, network, seconds),
        bytes=most,
    )


def _endless(feed: Feed) -> Iterator[tuple[Tensor, Tensor]]:
    epochs = (feed.batches(Progress(epoch=epoch)) for epoch in range(sys.maxsize))
    return chain.from_iterable(epochs)


def _step_rate(
    trainer: Trainer, batches: Iterator[tuple[Tensor, Tensor]], machine: Machine, seconds: float
) -> float:
    tally = Tally(machine.device)
    # An epoch without an end: the rate stays where it begins, and every batch is whole.
    steps = trainer.train(batches, sys.maxsize, tally)
    return _images_per_second(((step, step.images) for step in steps), machine, seconds)


def _images_per_second(
    work: Iterator[tuple[object, Tensor | int]], machine: Machine, seconds: float
) -> float:
    for _ in range(WARM):
        next(work)
    wait_for(machine)
    began, images = time.perf_counter(), 0
    for _, labels in work:
        images += labels if isinstance(labels, int) else len(labels)
        if time.perf_counter() - began > seconds:
            break
    wait_for(machine)
    return images / (time.perf_counter() - began)


def wait_for(machine: Machine) -> None:
    """Wait until the device has done all that it was given."""
    if machine.device.type == "cuda":
        torch.cuda.synchronize(machine.device)


def _share_of_lrn(
    recipe: Recipe,
    machine: Machine,
    classes: int,
    compiled: bool,
    batch: tuple[Tensor, Tensor],
    with_lrn: float,
    seconds: float,
) -> float | None:
    plain = replace(recipe, network=replace(recipe.network, lrn="off"))
    trainer = make_trainer(plain, machine, classes, compiled)
    own = make_trainer(recipe, machine, classes, compiled=False)
    if _modules(trainer) == _modules(own):
        return None
    without = _step_rate(trainer, repeat(batch), machine, seconds)
    return max(0.0, 1 - with_lrn / without)


def _modules(trainer: Trainer) -> list[str]:
    return [type(module).__name__ for module in trainer.model.modules()]


def _most_memory(machine: Machine) -> int:
    if machine.device.type == "cuda":
        return torch.cuda.max_memory_allocated(machine.device)
    unit = 1 if sys.platform == "darwin" else 1024  # Linux counts kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
