"""The training loop as a generator: one optimiser step, one StepResult. No files, no printing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from alextrain.device import Machine
from alextrain.errors import DivergedError
from alextrain.ranks import ALONE, Ranks
from alextrain.recipes.recipe import Recipe
from alextrain.training.averaging import Average
from alextrain.training.gradients import Gradients
from alextrain.training.metrics import Tally
from alextrain.training.optimiser import rest_frozen, set_rates
from alextrain.training.schedule import rates

# Each step's dropout has its own seed, a function of (recipe seed, step): a resumed run draws the
# masks of the uninterrupted one without any stored state.
_STEP_SEEDS = 0x9E3779B97F4A7C15
_RANK_SEEDS = 0xD1B54A32D192ED03  # other images in another process: other masks


@dataclass
class Progress:
    """Where a run stands: all that changes beside weights and optimiser."""

    step: int = 0  # optimiser steps done
    epoch: int = 0  # epochs finished
    seen: int = 0  # samples of the current epoch that were trained on
    errors: list[float] = field(default_factory=list)  # validation top-1 error of each epoch
    best: float = math.inf  # the smallest of them

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for a checkpoint."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "seen": self.seen,
            "errors": list(self.errors),
            "best": self.best,
        }


@dataclass(frozen=True)
class StepResult:
    """What one step gave. Tensors stay on the device until somebody shows them."""

    step: int  # this step's number, from 1
    images: int
    rate: float  # of weights
    loss: Tensor  # float32 [], mean over the batch


class Trainer:
    """A model and its optimiser, one step at a time.

    Args:
        model: On its device, in training mode.
        optimiser: Of the model's parameters.
        recipe: Its schedule, label smoothing, clipping, averaging and seed are used.
        machine: Device and precision.
        compiled: What to call for logits, where it is not `model` itself (torch.compile).
        ranks: The processes that share each batch; their gradients are added up.
        part: Most images to compute at a time; None: all of a batch.
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        recipe: Recipe,
        machine: Machine,
        compiled: Any = None,
        ranks: Ranks = ALONE,
        part: int | None = None,
    ) -> None:
        self.model = model
        self.optimiser = optimiser
        self.recipe = recipe
        self.machine = machine
        self.ranks = ranks
        self.progress = Progress()
        self.scaler = torch.amp.GradScaler(machine.device.type, enabled=machine.amp == "fp16")
        forward = model if compiled is None else compiled
        self.gradients = Gradients(
            model, forward, machine, self.scaler, recipe.label_smoothing, part
        )
        self.average: Average | None = None
        self.begin_average()
        self.clipped = torch.zeros((), dtype=torch.int64, device=machine.device)  # of the epoch

    def begin_average(self) -> None:
        """Begin the average of the weights, if any, with those of now."""
        ema = self.recipe.optimiser.ema
        self.average = Average(self.model, ema) if ema else None

    @property
    def result(self) -> nn.Module:
        """The model to evaluate and to keep: the average, where there is one."""
        return self.model if self.average is None else self.average.model

    def train(
        self, batches: Iterable[tuple[Tensor, Tensor]], samples: int, tally: Tally
    ) -> Iterator[StepResult]:
        """Train on what is left of an epoch.

        Args:
            batches: Augmented images float32 [n, 3, c, c] and labels int64 [n] (of mixed images
                float32 [n, classes]), on the device: this process's share of each batch, which
                may be empty.
            samples: Of a whole epoch, over all processes.
            tally: Takes the answers given in training (a net that moves, with dropout on).

        Yields:
            One result after each step; `progress` is up to date by then.
        """
        self.model.train()
        steps_per_epoch = math.ceil(samples / self.recipe.batch_size)
        for images, labels in batches:
            now = rates(self.recipe, self.progress.step, steps_per_epoch, self.progress.errors)
            count = min(self.recipe.batch_size, samples - self.progress.seen)
            loss = self.step(images, labels, count, now, tally)
            self.progress.step += 1
            self.progress.seen += count
            yield StepResult(self.progress.step, count, now["weights"], loss)

    def step(
        self, images: Tensor, labels: Tensor, count: int, now: dict[str, float], tally: Tally
    ) -> Tensor:
        """Make one step, without moving `progress`.

        Args:
            images: This process's share of the batch, which may be empty.
            labels: Of the images.
            count: Size of the whole batch, over all processes.
            now: Rates, as schedule.rates gives them.
            tally: Takes the answers.

        Returns:
            The mean loss over the whole batch [].
        """
        set_rates(self.optimiser, now)
        seed = step_seed(self.recipe.seed, self.progress.step, self.ranks.rank)
        if len(labels):
            loss, logits = self.gradients.add(images, labels, count, seed)
            tally.add(logits, labels)
        else:
            self.model.zero_grad(set_to_none=True)
            loss = torch.zeros((), device=self.machine.device)
            self.scaler.scale(loss)  # without a scale it would not step
        self.ranks.sum_gradients(self.model.parameters())
        rest_frozen(self.optimiser)
        if self.recipe.optimiser.clip:
            self._clip(self.recipe.optimiser.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.average is not None:
            self.average.update(self.model, self.progress.step + 1)
        return self.ranks.sum(loss)

    def _clip(self, longest: float) -> None:
        """Shorten a longer gradient, as one vector over all weights, and count it."""
        self.scaler.unscale_(self.optimiser)  # of 16-bit training: else lengths mean nothing
        length = nn.utils.clip_grad_norm_(self.model.parameters(), longest)
        self.clipped += length > longest


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """Return the seed of a step's dropout masks, a function of (seed, step, rank) alone."""
    return (seed * _STEP_SEEDS + rank * _RANK_SEEDS + step + 1) % 2**63


def check_finite(loss: float, result: StepResult, epoch: int) -> None:
    """Stop a run whose loss is no number any more.

    Raises:
        DivergedError: says at which step and rate, and what helps.
    """
    if not math.isfinite(loss):
        raise DivergedError(
            f"the loss became {loss} by step {result.step} (epoch {epoch + 1}) at rate "
            f"{result.rate:g}; what was saved before is kept: lower --lr, or use --amp off"
        )
