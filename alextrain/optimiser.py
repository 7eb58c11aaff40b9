"""The paper's update, through torch's SGD.

Paper, Caffe, cuda-convnet:  u <- m u + rate (g + decay w);  w <- w - u    the rate is in u
torch.optim.SGD:             b <- m b + (g + decay w);       w <- w - rate b

The two agree as long as the rate stays, with u = rate b. When it changes, torch's form drops the
displacement that is still in flight: 8.1 u for a tenth of the rate at momentum 0.9. Multiplying
each b by old rate / new rate before the first step at the new rate makes them agree again, with
Nesterov's form too. That is velocity `with-rate`, for the recipes whose rate falls a few times by
a lot. A rate that moves a little at each step makes no difference worth a pass over all weights:
`without-rate` is torch's form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import nn

    from alextrain.recipe import Optimiser

__all__ = ["make_optimiser", "set_rate"]

FUSED = ("cpu", "cuda")  # devices for which torch updates all weights in one kernel


def make_optimiser(model: nn.Module, recipe: Optimiser) -> torch.optim.SGD:
    """Return SGD over two groups: weights with decay; biases and normalisation without.

    The paper does not say whether biases decay; its authors' program did not decay them. Whether
    the velocity holds the rate is kept in the groups, and so in the optimiser's state.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.ndim > 1]},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    for group in groups:
        group["velocity"] = recipe.velocity
    return torch.optim.SGD(
        groups,
        lr=recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
        fused=all(p.device.type in FUSED for p in parameters),
    )


def set_rate(optimiser: torch.optim.SGD, rate: float) -> None:
    """Set the rate of the steps to come, above 0; call before each step."""
    assert rate > 0, rate  # a velocity with a rate of 0 in it has no form without it
    for group in optimiser.param_groups:
        old, group["lr"] = group["lr"], rate
        if old == rate or group["velocity"] == "without-rate":
            continue
        states = (optimiser.state[p] for p in group["params"] if p in optimiser.state)
        velocities = [s["momentum_buffer"] for s in states if s.get("momentum_buffer") is not None]
        if velocities:
            torch._foreach_mul_(velocities, old / rate)
