"""Structured pruning: whole kernels and hidden units are taken out, the least first.

What is left is the same net at a smaller width, so every command takes it. Nothing of a kernel
stays behind as zeros, which would cost as much as before.

Source: Li et al. 2017, "Pruning filters for efficient ConvNets", section 3.1 (sums of absolute
weights); Liu et al. 2017, "Learning efficient convolutional networks through network slimming" (the
factors of batch normalisation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alextrain.device import choose_machine
from alextrain.errors import RecipeError
from alextrain.export.package import Packaged
from alextrain.models import build_model, design_of
from alextrain.recipes.recipe import Recipe
from alextrain.shrink.measured import Candidate
from alextrain.use.network import Network

_NORM = ("weight", "bias", "running_mean", "running_var")


def pruned_recipe(recipe: Recipe, keep: float, epochs: int, lr: float | None) -> Recipe:
    """Return the recipe with `keep` of the width, for a short training at a low rate.

    Args:
        recipe: Of the network.
        keep: Share of the kernels of each layer that stays.
        epochs: Of the training afterwards.
        lr: Its first rate; None: a tenth of the recipe's.

    Raises:
        RecipeError: a share that is not between 0 and 1.
    """
    if not 0 < keep < 1:
        raise RecipeError(f"--keep {keep:g}: give a share above 0 and below 1, e.g. 0.7")
    rate = recipe.optimiser.lr / 10 if lr is None else lr
    values = recipe.to_dict()
    values["name"] = f"{recipe.name}-pruned"
    values["network"] |= {"width": recipe.network.width * keep}
    values["optimiser"] |= {"lr": rate}
    values["schedule"] |= {"policy": "cosine", "warmup_steps": 0}
    values["epochs"] = epochs
    return Recipe.from_dict(values)


def pruned_network(network: Network, recipe: Recipe) -> Network:
    """Return the network at the recipe's width, made of the kernels that matter most.

    Args:
        network: The whole one.
        recipe: The same net, narrower.
    """
    classes, crop = len(network.classes), recipe.input.crop
    small = build_model(recipe.network, classes, crop)
    weights = {name: tensor.cpu() for name, tensor in network.model.state_dict().items()}
    small.load_state_dict(_pruned(weights, small.state_dict(), network.recipe))
    machine = choose_machine("cpu", "off")
    return replace(network, recipe=recipe, model=small.eval(), machine=machine)


def _pruned(
    weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor], recipe: Recipe
) -> dict[str, Tensor]:
    """Return the weights that stay, in the shapes of `wanted`."""
    design = design_of(recipe.network)
    found: dict[str, Tensor] = {}
    kept = torch.arange(weights["features.conv1.weight"].shape[1])  # channels that come in
    for number, conv in enumerate(design.convs, 1):
        name, norm = f"features.conv{number}", f"features.norm{number}"
        weight, target = weights[f"{name}.weight"], wanted[f"{name}.weight"]
        stay = _strongest(_scores(weights, name, norm), len(target), design.columns)
        found[f"{name}.weight"] = _cut(weight, stay, kept, conv.groups)
        if f"{name}.bias" in weights:
            found[f"{name}.bias"] = weights[f"{name}.bias"][stay]
        if f"{norm}.weight" in weights:
            found |= {f"{norm}.{part}": weights[f"{norm}.{part}"][stay] for part in _NORM}
            found[f"{norm}.num_batches_tracked"] = weights[f"{norm}.num_batches_tracked"]
        kept = stay
    first = weights["classifier.fc6.weight"]
    maps = len(weights[f"features.conv{len(design.convs)}.weight"])
    area = first.shape[1] * design.full_columns // maps  # places of a last map
    kept = (kept[:, None] * area + torch.arange(area)).flatten()
    for name, columns in (("fc6", design.full_columns), ("fc7", design.full_columns), ("fc8", 1)):
        weight, bias = (weights[f"classifier.{name}.{part}"] for part in ("weight", "bias"))
        scores = weight.abs().sum(1)
        stay = _strongest(scores, len(wanted[f"classifier.{name}.weight"]), columns)
        found[f"classifier.{name}.weight"] = _cut(weight, stay, kept, columns)
        found[f"classifier.{name}.bias"] = bias[stay]
        kept = stay
    return found


def _scores(weights: Mapping[str, Any], name: str, norm: str) -> Tensor:
    """Return how much each kernel does.

    Where batch normalisation follows, its factor alone: it is the deviation of what goes on,
    however large the kernel's weights are. Else the sum of the kernel's absolute weights.
    """
    if f"{norm}.weight" in weights:
        factors: Tensor = weights[f"{norm}.weight"].abs()
        return factors
    sums: Tensor = weights[f"{name}.weight"].abs().flatten(1).sum(1)
    return sums


def _strongest(scores: Tensor, count: int, columns: int) -> Tensor:
    """Return the numbers of the highest scores, rising, equally many in each column."""
    size = len(scores) // columns
    best = [
        part.topk(count // columns).indices + column * size
        for column, part in enumerate(scores.chunk(columns))
    ]
    return torch.cat(best).sort().values


def _cut(weight: Tensor, rows: Tensor, inputs: Tensor, groups: int) -> Tensor:
    """Return the weights of `rows`, from the inputs that are left.

    Args:
        weight: [outputs, inputs / groups, ...].
        rows: Outputs that stay, equally many in each group.
        inputs: Inputs that stay, of all groups together, equally many in each.
        groups: Equal runs of outputs, which see their own run of inputs.
    """
    width = weight.shape[1]
    parts = [
        weight[some][:, own - group * width]
        for group, (some, own) in enumerate(
            zip(rows.chunk(groups), inputs.chunk(groups), strict=True)
        )
    ]
    return torch.cat(parts)


def candidate(name: str, network: Network) -> Candidate:
    """Return a network as what is measured; its bytes are those of its float32 weights."""
    packaged = Packaged(network)
    size = sum(4 * weights.numel() for weights in network.model.parameters())

    def forward(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = packaged(torch.from_numpy(images)).numpy()
        return found

    return Candidate(name, size, forward)
