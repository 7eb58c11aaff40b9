"""Exact counts of right answers, and sums of loss: never a mean of means.

A last batch of 15 images counts as 15 images. Everything stays on the device until it is asked
for, so adding a batch does not make the host wait.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from alextrain.ranks import ALONE, Ranks

__all__ = ["Counts", "Tally"]


@dataclass(frozen=True, slots=True)
class Counts:
    """What some images gave together."""

    images: int
    top1: int  # images whose label had the highest score
    top5: int  # images whose label was among the `top_k` highest
    top_k: int  # 5, or the number of classes where there are fewer
    loss_sum: float  # of -ln(probability of the label), in nats

    def __add__(self, other: Counts) -> Counts:
        """Return the counts of both sets of images together."""
        return Counts(
            self.images + other.images,
            self.top1 + other.top1,
            self.top5 + other.top5,
            max(self.top_k, other.top_k),  # no image yet: 0
            self.loss_sum + other.loss_sum,
        )

    @property
    def top1_error(self) -> float:
        """Share of images, 0..1, whose label did not have the highest score."""
        return 1 - self.top1 / self.images if self.images else math.nan

    @property
    def top5_error(self) -> float:
        """Share of images, 0..1, whose label was not among the `top_k` highest."""
        return 1 - self.top5 / self.images if self.images else math.nan

    @property
    def loss(self) -> float:
        """Mean loss of an image, in nats."""
        return self.loss_sum / self.images if self.images else math.nan


class Tally:
    """Add up batches on one device; `result` fetches the sums.

    Args:
        device: where the scores will be.
        ranks: the processes that add up together.
    """

    def __init__(self, device: torch.device | str = "cpu", ranks: Ranks = ALONE) -> None:
        self._ranks = ranks
        self.images = 0
        self.top_k = 0
        self._right = torch.zeros(2, dtype=torch.int64, device=device)  # first, among the first k
        # Apple's GPUs have no 64-bit floats.
        exact = torch.float32 if torch.device(device).type == "mps" else torch.float64
        self._loss_sum = torch.zeros((), dtype=exact, device=device)

    @torch.no_grad()
    def add(self, scores: Tensor, labels: Tensor) -> None:
        """Add one batch; nothing is waited for.

        Args:
            scores: [n, classes], logits or logarithms of probabilities (softmax leaves those as
                they are), of any floating dtype. Ties go as `torch.topk` has them.
            labels: [n] int64; or shares of the classes [n, classes] float32, of which the largest
                counts as the label.
        """
        hard = labels if labels.ndim == 1 else labels.argmax(dim=1)
        self.top_k = min(5, scores.shape[1])
        right = scores.topk(self.top_k, dim=1).indices == hard[:, None]  # [n, k]
        self._right += torch.stack([right[:, 0].sum(), right.sum()])
        losses = F.cross_entropy(scores.float(), labels, reduction="none")
        self._loss_sum += losses.to(self._loss_sum.dtype).sum()
        self.images += len(labels)

    def result(self) -> Counts:
        """Fetch the sums so far, of all processes: all of them have to ask.

        On a GPU this waits for the work given to it.
        """
        top1, top5 = self._right.tolist()
        own = Counts(self.images, top1, top5, self.top_k, self._loss_sum.item())
        return reduce(add, self._ranks.gather(own))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a checkpoint."""
        return asdict(self.result())

    def restore(self, values: dict[str, Any]) -> None:
        """Go on from what `to_dict` gave; the first process alone, for all of them."""
        if not self._ranks.first:
            return
        counts = Counts(**values)
        self.images, self.top_k = counts.images, counts.top_k
        self._right.copy_(torch.tensor([counts.top1, counts.top5]))
        self._loss_sum.fill_(counts.loss_sum)
