"""The nets of the family; `build_model` makes one as a recipe's table asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alextrain.errors import RecipeError
from alextrain.models.alexnet import AlexNet, full_inputs, last_map
from alextrain.models.designs import DESIGNS, LRNS, Design, switched

if TYPE_CHECKING:
    from alextrain.recipes.recipe import Network

__all__ = ["DESIGNS", "AlexNet", "build_model", "design_of", "full_inputs"]


def design_of(network: Network) -> Design:
    """Return the table of a recipe's net, its switches applied.

    Raises:
        RecipeError: a switch for what the net does not have.
    """
    design = DESIGNS[network.model]
    if network.lrn in LRNS[:-1] and not any("lrn" in conv.after for conv in design.convs):
        raise RecipeError(f"lrn is {network.lrn!r}, but model {network.model!r} has no LRN")
    if not network.links and design.columns == 1:
        raise RecipeError(f"links is false, but model {network.model!r} is one tower without links")
    return switched(
        design,
        border=network.border,
        lrn=network.lrn,
        pools=network.pools,
        links=network.links,
    )


def build_model(network: Network, classes: int, crop: int, channels: int = 3) -> AlexNet:
    """Build a net with `features` and `classifier`, with torch's own initial weights.

    Args:
        network: The recipe's table of that name.
        classes: Units of the last layer.
        crop: Side of the input in pixels.
        channels: Of the input.

    Raises:
        RecipeError: the crop is so small that nothing would be left after the last pooling, or a
            switch for what the net does not have.
    """
    design = design_of(network)
    if last_map(design, crop) < 1:
        smallest = next(side for side in range(crop, 1000) if last_map(design, side) >= 1)
        raise RecipeError(
            f"crop {crop} leaves nothing after the pools of model {network.model!r}; "
            f"the smallest that works is {smallest}"
        )
    return AlexNet(
        design, classes, crop, channels=channels, width=network.width, dropout=network.dropout
    )
