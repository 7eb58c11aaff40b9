"""Initial weights and biases, as several sources have them.

paper     section 5: weights from N(0, 0.01^2); biases 1 in conv2, conv4, conv5, fc6, fc7, else 0
authors   config 145: the same with 0.03 in conv3, conv4, conv5 (and conv6, its bias 1)
caffe     BVLC AlexNet: 0.005 in fc6 and fc7; 0.1 where the paper has biases of 1 ("1 gave flat
          loss", its readme)
caffenet  BVLC CaffeNet: 0.005 in fc6 and fc7; biases as in the paper
he        He et al. 2015: deviation sqrt(2 / inputs), sqrt(1 / inputs) in the last layer; biases 0
torch     torch's own: uniform within 1 / sqrt(inputs), biases too

The first four are made for the paper's width and crop, and for inputs in levels 0..255 less their
mean. With fewer kernels or smaller maps a layer sums over fewer inputs, so the deviation grows by
the root of that ratio: each layer then gives signals of the same size as at full width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from alextrain.models import design_of, full_inputs

if TYPE_CHECKING:
    from alextrain.recipes.recipe import Network

__all__ = ["RULES", "initialise"]

# "provides the ReLUs with positive inputs" (section 5); conv6 in config 146 only
RAISED = {"conv2", "conv4", "conv5", "conv6", "fc6", "fc7"}
_LATE = dict.fromkeys(("conv3", "conv4", "conv5", "conv6"), 0.03)
_FULL = dict.fromkeys(("fc6", "fc7"), 0.005)


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Weights from N(0, std^2) at full width; biases `bias` in the raised layers, else 0."""

    bias: float
    others: dict[str, float] = field(default_factory=dict)  # layer -> std
    std: float = 0.01


RULES = {
    "paper": Gaussian(1.0),
    "authors": Gaussian(1.0, _LATE),
    "caffe": Gaussian(0.1, _FULL),
    "caffenet": Gaussian(1.0, _FULL),
}


def initialise(model: nn.Module, network: Network, seed: int) -> None:
    """Set all weights of a model that `build_model` made, on the CPU, from `seed` alone."""
    generator = torch.Generator().manual_seed(seed)
    layers = _layers(model)
    full = full_inputs(design_of(network))
    for name, layer in layers.items():
        inputs = layer.weight[0].numel()
        if network.init == "torch":
            _like_torch(layer, generator)
        elif network.init == "he":
            gain = 1.0 if name == "fc8" else 2.0
            _gaussian(layer, (gain / inputs) ** 0.5, 0.0, generator)
        else:
            rule = RULES[network.init]
            std = rule.others.get(name, rule.std) * (full[name] / inputs) ** 0.5
            _gaussian(layer, std, rule.bias if name in RAISED else 0.0, generator)


def _gaussian(
    layer: nn.Conv2d | nn.Linear, std: float, bias: float, generator: torch.Generator
) -> None:
    nn.init.normal_(layer.weight, std=std, generator=generator)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, bias)


def _like_torch(layer: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    if layer.bias is not None:
        bound = layer.weight[0].numel() ** -0.5
        nn.init.uniform_(layer.bias, -bound, bound, generator=generator)


def _layers(model: nn.Module) -> dict[str, nn.Conv2d | nn.Linear]:
    kinds = (nn.Conv2d, nn.Linear)
    found = ((name, module) for name, module in model.named_modules() if isinstance(module, kinds))
    return {name.rpartition(".")[2]: module for name, module in found}
