"""Loss and gradients of a batch, in as many parts as memory demands.

The gradients of the parts add up to those of the whole batch, whatever is left over for the last
part: each part counts by its images. Dropout draws other masks for parts than for the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alextrain.device import Machine
from alextrain.errors import DeviceError, RecipeError
from alextrain.training.room import ran_out

__all__ = ["Gradients", "autocast", "has_batch_norm", "refuse_batch_norm"]


def autocast(machine: Machine) -> torch.autocast:
    """Return the context in which a forward pass runs in the machine's precision."""
    return torch.autocast(machine.device.type, machine.dtype, enabled=machine.dtype is not None)


def has_batch_norm(model: nn.Module) -> bool:
    """Tell whether what a net gives for an image depends on the rest of its batch."""
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())


def refuse_batch_norm(model: nn.Module, option: str) -> None:
    """Refuse what would change the statistics of batch normalisation.

    Raises:
        RecipeError: the net has batch normalisation.
    """
    if has_batch_norm(model):
        raise RecipeError(
            f"{option} does not go with batch normalisation, whose statistics are those of the "
            "whole batch, seen once; leave it out, or choose a model without (paper, authors)"
        )


@dataclass
class Gradients:
    """Adds the gradients of a batch to the model's parameters.

    When memory runs out, the batch is done anew in parts of half the size, and so are those to
    come; `note` then holds a sentence until somebody takes it.
    """

    model: nn.Module
    forward: Callable[[Tensor], Tensor]  # images to logits; the model, compiled perhaps
    machine: Machine
    scaler: torch.amp.GradScaler
    smoothing: float  # of labels
    part: int | None = None  # most images at a time; None: all
    note: str = ""

    def add(self, images: Tensor, labels: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
        """Run forward and backward.

        Args:
            images: [n, channels, crop, crop], n of 1 or more.
            labels: int64 [n], or shares of the classes float32 [n, classes].
            count: Size of the whole batch, over all processes; the loss is divided by it.
            seed: Of the dropout masks.

        Returns:
            The batch's share of the mean loss [], and logits [n, classes], both float32.

        Raises:
            DeviceError: memory runs out, and smaller parts cannot help.
        """
        while True:
            torch.manual_seed(seed)
            self.model.zero_grad(set_to_none=True)
            try:
                return self._add(images, labels, count)
            except RuntimeError as error:
                if not ran_out(error):
                    raise
                self._halve(len(labels), str(error).split("\n", 1)[0])
            # Here, because the error above holds on to what filled the memory.
            if self.machine.device.type == "cuda":
                torch.cuda.empty_cache()

    def _add(self, images: Tensor, labels: Tensor, count: int) -> tuple[Tensor, Tensor]:
        size = self.part or len(labels)
        total, answers = torch.zeros((), device=labels.device), []
        for some, their in zip(torch.split(images, size), torch.split(labels, size), strict=True):
            with autocast(self.machine):
                logits: Any = self.forward(some)
            logits = logits.float()
            mean = F.cross_entropy(logits, their, label_smoothing=self.smoothing)
            # Of a whole batch the share is 1, and a product with 1 changes no bit.
            share = mean * (len(their) / count)
            torch.autograd.backward(self.scaler.scale(share))
            total += share.detach()
            answers.append(logits.detach())
        return total, torch.cat(answers)

    def _halve(self, images: int, reason: str) -> None:
        size = min(self.part or images, images)
        if size == 1 or has_batch_norm(self.model):
            advice = (
                "one image alone does not fit: use a smaller --width or --crop"
                if size == 1
                else "batch normalisation wants them together: use a smaller --batch-size"
            )
            raise DeviceError(f"memory ran out with {size} images at a time ({reason}); {advice}")
        self.part = (size + 1) // 2
        self.note = (
            f"memory ran out with {size} images at a time: from now on {self.part}, their "
            "gradients added up to those of the whole batch"
        )
