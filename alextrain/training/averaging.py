"""A moving average of the weights, to be evaluated and used in the place of the last ones.

    average <- decay average + (1 - decay) weights        after each step

Early on the decay is smaller, (1 + step) / (10 + step), so that the average forgets where the
weights began. Running statistics of batch normalisation are averages already: they are copied.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

__all__ = ["Average"]


class Average:
    """The average of a model's weights.

    Args:
        model: As it is before the first step.
        decay: Between 0 and 1; 0.999 looks back about 1,000 steps.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(requires_grad=False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after a step; `step` counts from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for mine, its in zip(self.model.parameters(), model.parameters(), strict=True):
            mine.lerp_(its, 1 - decay)
        for statistic, new in zip(self.model.buffers(), model.buffers(), strict=True):
            statistic.copy_(new)
