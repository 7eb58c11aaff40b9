"""One training step of `paper` on the device: eager, compiled, and as a CUDA graph."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alexprep.shards.statistics import Statistics
from alextrain.data.augment import Augmenter
from alextrain.data.draws import Draws, draw_batch
from alextrain.device import Machine
from alextrain.recipes.recipe import Recipe
from alextrain.training.gradients import autocast
from alextrain.training.metrics import Tally
from alextrain.training.setup import make_augmenter, make_trainer

CLASSES = 1000
WARM_UP = 8  # steps: algorithms are chosen, memory is taken, velocities come to be
SECONDS = 2.0  # of each measurement, about


@dataclass(frozen=True)
class Case:
    """A batch that lies on the device as `fit` puts it there, and what trains on it.

    A step turns uint8 images into the net's input, runs it forward and backward and updates the
    weights: all that `fit` does for a batch once it is on the device.
    """

    recipe: Recipe
    machine: Machine
    augmenter: Augmenter
    images: Tensor  # uint8 [n, S, S, 3]
    labels: Tensor  # int64 [n]
    draws: Draws

    @classmethod
    def of(cls, recipe: Recipe, machine: Machine, statistics: Statistics) -> Case:
        """Make a batch of noise; what a step costs does not depend on what it shows."""
        count, size = recipe.batch_size, len(statistics.pixel_sum)
        augmenter = make_augmenter(recipe, statistics, machine)
        shape = (count, size, size, 3)
        draws = draw_batch(augmenter.augmentation, size, recipe.seed, 0, 0, count)
        device = machine.device
        return cls(
            recipe,
            machine,
            augmenter,
            torch.randint(0, 256, shape, dtype=torch.uint8, device=device),
            torch.randint(0, CLASSES, (count,), device=device),
            Draws(draws.table.to(device)),
        )

    def batches(self, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the augmented batch `count` times, augmented each time."""
        for _ in range(count):
            yield self.augmenter(self.images, self.draws), self.labels


def synchronise(device: torch.device) -> None:
    """Wait for the device; nothing to do on the CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def rate(case: Case, run: Callable[[int], None]) -> float:
    """Return images a second of `run(steps)`, after a warm-up; the device is waited for."""
    device = case.machine.device
    run(WARM_UP)
    synchronise(device)
    begin = time.perf_counter()
    run(WARM_UP)
    synchronise(device)
    steps = max(2, round(SECONDS * WARM_UP / (time.perf_counter() - begin)))
    begin = time.perf_counter()
    run(steps)
    synchronise(device)
    return steps * case.recipe.batch_size / (time.perf_counter() - begin)


def augmenting(case: Case) -> float:
    """Return images a second of the augmentation alone."""

    def run(steps: int) -> None:
        for _ in case.batches(steps):
            pass

    return rate(case, run)


def looping(case: Case, *, compiled: bool, norm: type[nn.Module] | None = None) -> float:
    """Return images a second of the training loop itself, eager or compiled.

    norm: In place of both LRN.
    """
    trainer = make_trainer(case.recipe, case.machine, CLASSES, compiled)
    if norm is not None:
        features = trainer.model.get_submodule("features")
        features.lrn1, features.lrn2 = norm(), norm()
    tally = Tally(case.machine.device)

    def run(steps: int) -> None:
        for _ in trainer.train(case.batches(steps), 10**9, tally):
            pass

    return rate(case, run)


def graphing(case: Case, *, compiled: bool) -> float:
    """Return images a second of the whole step as one CUDA graph: no launch costs anything."""
    trainer = make_trainer(case.recipe, case.machine, CLASSES, compiled=False)
    forward = torch.compile(trainer.model) if compiled else trainer.model
    trainer.model.train()
    graph = _capture(lambda: _step(case, forward, trainer.optimiser))

    def run(steps: int) -> None:
        for _ in range(steps):
            graph.replay()

    return rate(case, run)


def _step(case: Case, forward: Callable[[Tensor], Tensor], optimiser: torch.optim.SGD) -> None:
    """Do what Trainer does for a batch, without what a graph cannot hold: seeds and new rates."""
    optimiser.zero_grad(set_to_none=True)
    images = case.augmenter(case.images, case.draws)
    with autocast(case.machine):
        logits = forward(images)
    smoothing = case.recipe.label_smoothing
    loss = F.cross_entropy(logits.float(), case.labels, label_smoothing=smoothing)
    torch.autograd.backward(loss)
    optimiser.step()


def _capture(step: Callable[[], None]) -> torch.cuda.CUDAGraph:
    """Record a step; what it reads and writes keeps its place from then on."""
    beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):  # torch wants the warm-up on another stream than the default
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph
