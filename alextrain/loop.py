"""The training loop as a generator: one optimiser step, one StepResult. No files, no printing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alextrain.device import Machine
from alextrain.errors import DivergedError
from alextrain.metrics import Tally
from alextrain.optimiser import set_rate
from alextrain.recipe import Recipe
from alextrain.schedule import rate

# Each step's dropout has its own seed, a function of (recipe seed, step): a resumed run draws the
# masks of the uninterrupted one without any stored state.
_STEP_SEEDS = 0x9E3779B97F4A7C15


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
    rate: float
    loss: Tensor  # float32 [], mean over the batch


class Trainer:
    """A model and its optimiser, one step at a time.

    Args:
        model: On its device, in training mode.
        optimiser: Of the model's parameters.
        recipe: Its schedule, label smoothing and seed are used.
        machine: Device and precision.
        compiled: What to call for logits, where it is not `model` itself (torch.compile).
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: torch.optim.SGD,
        recipe: Recipe,
        machine: Machine,
        compiled: Any = None,
    ) -> None:
        self.model = model
        self.optimiser = optimiser
        self.recipe = recipe
        self.machine = machine
        self.progress = Progress()
        self._forward = model if compiled is None else compiled
        self.scaler = torch.amp.GradScaler(machine.device.type, enabled=machine.amp == "fp16")

    def train(
        self, batches: Iterable[tuple[Tensor, Tensor]], steps_per_epoch: int, tally: Tally
    ) -> Iterator[StepResult]:
        """Train on what is left of an epoch.

        Args:
            batches: Augmented images float32 [n, 3, c, c] and labels int64 [n], on the device.
            steps_per_epoch: Of a whole epoch, the ragged last batch included.
            tally: Takes the answers given in training (a net that moves, with dropout on).

        Yields:
            One result after each step; `progress` is up to date by then.
        """
        self.model.train()
        for images, labels in batches:
            lr = rate(self.recipe, self.progress.step, steps_per_epoch, self.progress.errors)
            set_rate(self.optimiser, lr)
            loss = self._step(images, labels, tally)
            self.progress.step += 1
            self.progress.seen += len(labels)
            yield StepResult(self.progress.step, len(labels), lr, loss)

    def _step(self, images: Tensor, labels: Tensor, tally: Tally) -> Tensor:
        torch.manual_seed(step_seed(self.recipe.seed, self.progress.step))
        with autocast(self.machine):
            logits = self._forward(images)
        logits = logits.float()
        loss = F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(self.scaler.scale(loss))
        self.scaler.step(self.optimiser)
        self.scaler.update()
        tally.add(logits, labels)
        return loss.detach()


def autocast(machine: Machine) -> torch.autocast:
    """Return the context in which a forward pass runs in the machine's precision."""
    return torch.autocast(machine.device.type, machine.dtype, enabled=machine.dtype is not None)


def step_seed(seed: int, step: int) -> int:
    """Return the seed of a step's dropout masks, a function of (seed, step) alone."""
    return (seed * _STEP_SEEDS + step + 1) % 2**63


def check_finite(loss: float, result: StepResult, epoch: int) -> None:
    """Stop a run whose loss is no number any more.

    Raises:
        DivergedError: says at which step and rate, and what helps.
    """
    if not math.isfinite(loss):
        raise DivergedError(
            f"the loss became {loss} by step {result.step} (epoch {epoch + 1}) at rate "
            f"{result.rate:g}; the checkpoint before it is kept: lower --lr, or use --amp off"
        )
