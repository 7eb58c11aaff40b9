"""A range test of the rate: train while it rises, watch the loss, choose.

After Smith 2017 (arXiv 1506.01186): the rate grows by the same factor each step, from a thousandth
of the recipe's to a hundred times it. The loss, smoothed, falls, turns, and blows up. What is
chosen is a tenth of the rate at which the smoothed loss was least: at the turn itself steps are
too long already. Nothing of the training is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from torch import Tensor

from alextrain.errors import DivergedError
from alextrain.recipes.recipe import Recipe
from alextrain.training.feed import Feed
from alextrain.training.loop import Progress, Trainer
from alextrain.training.metrics import Tally
from alextrain.training.schedule import rates

__all__ = ["STEPS", "Range", "batches_without_end", "search_rate"]

STEPS = 100
LOWEST, HIGHEST = 1e-3, 1e2  # in rates of the recipe
SMOOTHING = 0.9  # of the mean that the loss is smoothed with
BLOWN = 4.0  # times the least smoothed loss: the end
BELOW = 10.0  # how far below the turn the choice lies
FALL = 0.02  # part of the loss of the first tenth by which it has to fall, for a turn to be one


@dataclass(frozen=True)
class Range:
    """What a range test gave, step by step."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]  # of each batch, nats
    smoothed: tuple[float, ...]
    chosen: float | None  # None: the loss fell at none of the rates

    @property
    def turn(self) -> float:
        """The rate at which the smoothed loss was least."""
        return self.rates[self.smoothed.index(min(self.smoothed))]


def search_rate(
    trainer: Trainer,
    batches: Iterable[tuple[Tensor, Tensor]],
    steps: int = STEPS,
    on_step: Callable[[int, int], object] | None = None,
) -> Range:
    """Train with a rising rate until the loss blows up or the range is through.

    Args:
        trainer: At its first step; its weights are of no use afterwards.
        batches: Of the recipe's size, without end.
        steps: Between the ends of the range, 2 or more.
        on_step: Hears (steps done, steps at most).

    Raises:
        DivergedError: the loss is no number from the start.
    """
    tried: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    trainer.model.train()
    for step, (images, labels) in zip(range(steps), batches, strict=False):
        lr = trainer.recipe.optimiser.lr * LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1))
        loss = _step(trainer, images, labels, lr)
        if not math.isfinite(loss):
            break
        tried.append(lr)
        losses.append(loss)
        smoothed.append(_smooth(losses))
        if on_step is not None:
            on_step(step + 1, steps)
        if smoothed[-1] > BLOWN * min(smoothed):
            break
    if not tried:
        raise DivergedError(
            "the loss is no number at the first step already: no rate can help; use --amp off, or "
            "another --init"
        )
    found = Range(tuple(tried), tuple(losses), tuple(smoothed), None)
    first = math.fsum(losses[: -(-steps // 10)]) / len(losses[: -(-steps // 10)])
    if min(smoothed) > (1 - FALL) * first:
        return found
    return replace(found, chosen=_round(found.turn / BELOW))


def batches_without_end(feed: Feed) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield a run's batches, epoch after epoch."""
    progress = Progress()
    while True:
        yield from feed.batches(progress)
        progress.epoch += 1


def _step(trainer: Trainer, images: Tensor, labels: Tensor, lr: float) -> float:
    now = rates(_constant(trainer.recipe, lr), 0, 1)
    loss = trainer.step(images, labels, len(labels), now, Tally(trainer.machine.device))
    trainer.progress.step += 1
    return float(loss)


def _constant(recipe: Recipe, lr: float) -> Recipe:
    schedule = replace(recipe.schedule, policy="constant", warmup_steps=0)
    return replace(recipe, optimiser=replace(recipe.optimiser, lr=lr), schedule=schedule)


def _smooth(losses: list[float]) -> float:
    """Return the mean of the losses so far, each older one counting a tenth less."""
    weights = [SMOOTHING**age for age in range(len(losses))]
    return math.fsum(w * x for w, x in zip(weights, reversed(losses), strict=True)) / sum(weights)


def _round(rate: float) -> float:
    """Return a rate to two digits: more are not known."""
    return float(f"{rate:.1e}")
