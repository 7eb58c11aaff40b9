"""The paper's update, through torch's SGD; and Adam.

Paper, Caffe, cuda-convnet:  u <- m u + rate (g + decay w);  w <- w - u    the rate is in u
torch.optim.SGD:             b <- m b + (g + decay w);       w <- w - rate b

The two agree as long as the rate stays, with u = rate b. When it changes, torch's form drops the
displacement that is still in flight: 8.1 u for a tenth of the rate at momentum 0.9. Multiplying
each b by old rate / new rate before the first step at the new rate makes them agree again, with
Nesterov's form too. That is velocity `with-rate`, for the recipes whose rate falls a few times by
a lot. A rate that moves a little at each step makes no difference worth a pass over all weights:
`without-rate` is torch's form.

A rate of 0 freezes: the weights and their u stay as they are, nothing decays (cuda-convnet skips
the update where epsW is 0). A later rate goes on from that u.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import nn

    from alextrain.recipe import Optimiser

__all__ = ["make_optimiser", "rest_frozen", "set_rates"]

FUSED = ("cpu", "cuda")  # devices for which torch updates all weights in one kernel
SECOND_BETA = 0.999  # of Adam


def make_optimiser(
    model: nn.Module, recipe: Optimiser, *, conv1_apart: bool = False
) -> torch.optim.Optimizer:
    """Return an optimiser over groups of parameters that have rates of their own.

    The groups are "weights" and "biases" (with the parameters of normalisation layers), and with
    `conv1_apart` "conv1 weights" and "conv1 biases": their key "part". The paper does not say
    whether biases decay; its authors' program did not decay them. All that the update needs is kept
    in the groups, and so in the optimiser's state.
    """
    parts: dict[str, list[nn.Parameter]] = {"weights": [], "biases": []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            part = "weights" if parameter.ndim > 1 else "biases"
            first = conv1_apart and name.startswith("features.conv1.")
            parts.setdefault(f"conv1 {part}" if first else part, []).append(parameter)
    groups: list[dict[str, Any]] = [
        {
            "params": parameters,
            "part": part,
            "velocity": recipe.velocity if recipe.update == "sgd" else "without-rate",
            "velocity_rate": recipe.lr,  # the rate that is in the velocity, were it the paper's
            "weight_decay": 0.0
            if part.endswith("biases") and not recipe.decay_biases
            else recipe.weight_decay,
        }
        for part, parameters in parts.items()
    ]
    fused = all(p.device.type in FUSED for p in model.parameters())
    if recipe.update == "sgd":
        return torch.optim.SGD(
            groups,
            lr=recipe.lr,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov,
            fused=fused,
        )
    kind = torch.optim.Adam if recipe.update == "adam" else torch.optim.AdamW
    return kind(groups, lr=recipe.lr, betas=(recipe.momentum, SECOND_BETA), fused=fused)


def set_rates(optimiser: torch.optim.Optimizer, rates: Mapping[str, float]) -> None:
    """Set the rates of the steps to come, by part; call before each step."""
    for group in optimiser.param_groups:
        rate = group["lr"] = rates[group["part"]]
        old = group["velocity_rate"]
        if rate in (0.0, old):
            continue
        group["velocity_rate"] = rate
        if group["velocity"] == "without-rate":
            continue
        states = (optimiser.state[p] for p in group["params"] if p in optimiser.state)
        velocities = [s["momentum_buffer"] for s in states if s.get("momentum_buffer") is not None]
        if velocities:
            torch._foreach_mul_(velocities, old / rate)


def rest_frozen(optimiser: torch.optim.Optimizer) -> None:
    """Take the gradients of what has a rate of 0: torch then leaves it and its velocity alone."""
    for group in optimiser.param_groups:
        if group["lr"] == 0.0:
            for parameter in group["params"]:
                parameter.grad = None
