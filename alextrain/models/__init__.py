"""The nets, one file for each family; `build_model` makes one by its name in a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alextrain.errors import RecipeError
from alextrain.models.alexnet import AlexNet, inputs
from alextrain.models.quick import Quick

if TYPE_CHECKING:
    from torch import nn

    from alextrain.recipe import Network

__all__ = ["AlexNet", "Quick", "build_model", "full_inputs"]

MODELS: dict[str, tuple[type[AlexNet | Quick], int]] = {  # class, groups
    "paper": (AlexNet, 2),
    "one-tower": (AlexNet, 1),
    "quick": (Quick, 2),
}


def build_model(network: Network, classes: int, crop: int) -> nn.Module:
    """Build a net with `features` and `classifier`, with torch's own initial weights.

    Args:
        network: the recipe's table of that name.
        classes: units of the last layer.
        crop: side of the input in pixels.

    Raises:
        RecipeError: the crop is so small that nothing would be left after the last pooling.
    """
    kind, groups = MODELS[network.model]
    if kind.last_map(crop) < 1:
        smallest = next(side for side in range(crop, 1000) if kind.last_map(side) >= 1)
        raise RecipeError(
            f"crop {crop} leaves nothing after the pools of model {network.model!r}; "
            f"the smallest that works is {smallest}"
        )
    return kind(classes, crop, groups=groups, width=network.width, dropout=network.dropout)


def full_inputs(network: Network) -> dict[str, int]:
    """Return how many inputs a unit of each layer has at the paper's width and crop."""
    return inputs(MODELS[network.model][1])
