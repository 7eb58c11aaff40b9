"""Initial weights and biases.

`paper` (section 5): weights from N(0, 0.01^2); biases 1 in conv2, conv4, conv5, fc6, fc7, else 0.
Its 0.01 fits the paper's width and crop, and inputs in levels 0..255 less their mean. With fewer
kernels or smaller maps a layer sums over fewer inputs, so the deviation grows by the root of that
ratio: each layer then gives signals of the same size as at full width.

`he` (He et al. 2015): deviation sqrt(2 / inputs), sqrt(1 / inputs) in the last layer, biases 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from alextrain.models import full_inputs

if TYPE_CHECKING:
    from alextrain.recipe import Network

__all__ = ["initialise"]

PAPER_STD = 0.01
BIAS_ONE = {"conv2", "conv4", "conv5", "fc6", "fc7"}  # "provides the ReLUs with positive inputs"


def initialise(model: nn.Module, network: Network, seed: int) -> None:
    """Set all weights of a model that `build_model` made, on the CPU, from `seed` alone."""
    generator = torch.Generator().manual_seed(seed)
    layers = _layers(model)
    full = full_inputs(network)
    for name, layer in layers.items():
        inputs = layer.weight[0].numel()
        if network.init == "paper":
            std = PAPER_STD * (full[name] / inputs) ** 0.5
        else:
            std = ((1.0 if layer is list(layers.values())[-1] else 2.0) / inputs) ** 0.5
        nn.init.normal_(layer.weight, std=std, generator=generator)
        if layer.bias is not None:
            one = network.init == "paper" and name in BIAS_ONE
            nn.init.constant_(layer.bias, 1.0 if one else 0.0)


def _layers(model: nn.Module) -> dict[str, nn.Conv2d | nn.Linear]:
    kinds = (nn.Conv2d, nn.Linear)
    found = ((name, module) for name, module in model.named_modules() if isinstance(module, kinds))
    return {name.rpartition(".")[2]: module for name, module in found}
