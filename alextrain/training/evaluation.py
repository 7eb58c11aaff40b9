"""Evaluate a network: each image of a split once, in one, five or ten views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alextrain.data.augment import Augmenter
from alextrain.device import Machine
from alextrain.ranks import ALONE, Ranks
from alextrain.training.gradients import autocast
from alextrain.training.metrics import Tally


class Batches(Protocol):
    """What evaluation asks of a loader."""

    def batches(self, numbers: NDArray[np.int64]) -> Any:
        """Yield batches with `images` uint8 [n, S, S, 3] and `labels` int64 [n]."""


@dataclass(frozen=True)
class Subset:
    """What is evaluated on."""

    name: str  # of the split, named in the result
    loader: Batches
    numbers: NDArray[np.int64]  # [n] sample numbers


@dataclass(frozen=True)
class Evaluation:
    """Errors on a split. The counts are exact; split and views belong to every figure."""

    split: str
    views: int
    images: int
    top1_wrong: int
    top5_wrong: int
    top_k: int  # 5, or the number of classes where there are fewer
    loss: float  # mean of -log p[label], p averaged over the views

    @property
    def top1_error(self) -> float:
        """Share of images whose first guess is wrong, 0 to 1."""
        return self.top1_wrong / self.images

    @property
    def top5_error(self) -> float:
        """Share of images whose class is not among the first five guesses, 0 to 1."""
        return self.top5_wrong / self.images

    def to_dict(self) -> dict[str, Any]:
        """Return counts and errors as plain values."""
        return asdict(self) | {"top1_error": self.top1_error, "top5_error": self.top5_error}

    def sentence(self) -> str:
        """Say the result with its split and views."""
        return (
            f"{self.split}, {self.views} {'view' if self.views == 1 else 'views'}: "
            f"top-1 error {self.top1_error:.2%}, top-{self.top_k} error {self.top5_error:.2%}, "
            f"loss {self.loss:.4f} ({self.images:,} images)"
        )


def evaluate(
    model: nn.Module,
    subset: Subset,
    augmenter: Augmenter,
    machine: Machine,
    *,
    views: int = 1,
    on_batch: Callable[[Tensor, Tensor], None] | None = None,
    ranks: Ranks = ALONE,
) -> Evaluation:
    """Measure errors and loss.

    Args:
        model: On the machine's device; put into evaluation mode and left in its own.
        subset: The images; each counts once.
        augmenter: Makes the views.
        machine: Device and precision.
        views: 1 (centre), 5 (and corners) or 10 (and mirrors); softmax is averaged over them
            (the paper's section 4.1).
        on_batch: Hears probabilities [n, classes] and labels [n] of each batch, on the device.
        ranks: The processes that share the images; each gets the whole result.
    """
    was_training = model.training
    model.eval()
    ranks.share_buffers(model)
    tally = Tally(machine.device, ranks)
    numbers = subset.numbers[ranks.share(len(subset.numbers))]
    with torch.inference_mode():
        for batch in subset.loader.batches(numbers):
            images = batch.images.to(machine.device, non_blocking=True)
            labels = batch.labels.to(machine.device, non_blocking=True)
            probabilities = average_views(model, augmenter.views(images, views), machine)
            tally.add(probabilities.clamp_min(1e-38).log(), labels)
            if on_batch is not None:
                on_batch(probabilities, labels)
    model.train(was_training)
    counts = tally.result()
    return Evaluation(
        split=subset.name,
        views=views,
        images=counts.images,
        top1_wrong=counts.images - counts.top1,
        top5_wrong=counts.images - counts.top5,
        top_k=counts.top_k,
        loss=counts.loss,
    )


def average_views(model: nn.Module, views: Any, machine: Machine) -> Tensor:
    """Return the mean over the views of the softmax, float32 [n, classes].

    The authors average probabilities, not logits: a sure view counts for no more than 1.
    """
    total: Tensor | None = None
    count = 0
    for view in views:
        with autocast(machine):
            logits = model(view)
        softmax = logits.float().softmax(dim=1)
        total = softmax if total is None else total + softmax
        count += 1
    assert total is not None
    return total / count
