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

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from alextrain.errors import RecipeError

if TYPE_CHECKING:
    from torch import nn

    from alextrain.recipes.recipe import Optimiser

__all__ = ["layer_rates", "make_optimiser", "rest_frozen", "set_rates"]

FUSED = ("cpu", "cuda")  # devices for which torch updates all weights in one kernel
SECOND_BETA = 0.999  # of Adam


def make_optimiser(
    model: nn.Module, recipe: Optimiser, *, conv1_apart: bool = False
) -> torch.optim.Optimizer:
    """Return an optimiser over groups of parameters that have rates of their own.

    The groups are "weights" and "biases" (with the parameters of normalisation layers), and with
    `conv1_apart` "conv1 weights" and "conv1 biases": their key "part"; layers of another rate stand
    apart too. The paper does not say whether biases decay; its authors' program did not decay them.
    All that the update needs is kept in the groups, and so in the optimiser's state.

    Raises:
        RecipeError: a rate is given for a layer that the net does not have.
    """
    parts = _parts(model, layer_rates(model, recipe), conv1_apart)
    groups: list[dict[str, Any]] = [
        {
            "params": parameters,
            "part": part,
            "factor": factor,  # in rates of its part; 0: these layers rest
            "velocity": recipe.velocity if recipe.update == "sgd" else "without-rate",
            "velocity_rate": recipe.lr,  # the rate that is in the velocity, were it the paper's
            "weight_decay": 0.0
            if part.endswith("biases") and not recipe.decay_biases
            else recipe.weight_decay,
        }
        for (part, factor), parameters in parts.items()
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


Parts = dict[tuple[str, float], list["nn.Parameter"]]


def _parts(model: nn.Module, factors: Mapping[str, float], conv1_apart: bool) -> Parts:
    """Return the parameters by part and factor of their rates."""
    parts: Parts = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            part = "weights" if parameter.ndim > 1 else "biases"
            if conv1_apart and name.startswith("features.conv1."):
                part = f"conv1 {part}"
            factor = factors.get(_layer(name), 1.0)
            parts.setdefault((part, factor), []).append(parameter)
    return parts


def layer_rates(model: nn.Module, recipe: Optimiser) -> dict[str, float]:
    """Return the factors that a recipe gives to layers: {"conv1": 0.0, "fc8": 10.0}.

    Raises:
        RecipeError: the net has no such layer, or what is given is no factor.
    """
    layers = list(dict.fromkeys(_layer(name) for name, _ in model.named_parameters()))
    factors: dict[str, float] = {}
    for text in recipe.layer_rates:
        layer, _, number = text.partition("=")
        if layer not in layers:
            raise RecipeError(f"layer_rates: no layer {layer!r}; there are {', '.join(layers)}")
        try:
            factors[layer] = float(number)
        except ValueError as error:
            raise RecipeError(f"layer_rates: {text!r}; give LAYER=FACTOR, fc8=10") from error
        if not 0 <= factors[layer] < math.inf:
            raise RecipeError(f"layer_rates: {text!r}; give a factor from 0 up")
    return factors


def _layer(name: str) -> str:
    """Return the layer of "features.conv1.weight"; a normalisation goes with its convolution."""
    parts = name.split(".")
    return parts[1].replace("norm", "conv") if len(parts) > 2 else parts[0]


def set_rates(optimiser: torch.optim.Optimizer, rates: Mapping[str, float]) -> None:
    """Set the rates of the steps to come, by part; call before each step."""
    for group in optimiser.param_groups:
        rate = group["lr"] = rates[group["part"]] * group["factor"]
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
