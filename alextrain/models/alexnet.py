"""A net of the family, built from its table.

    features    conv1 ... conv5, and what follows each of them in its design's order
    classifier  fc6 -> relu -> dropout -> fc7 -> relu -> dropout -> fc8

With two groups conv2, conv4 and conv5 see their own half of the channels only, as the halves lived
on two GPUs (section 3.5 of the paper). Poolings and convolutions round down, so any crop is taken
that leaves a map after the last pool.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import Tensor, nn

from alextrain.models.designs import Conv, Design
from alextrain.models.layers import ColumnLinear, SpatialResponseNorm
from alextrain.models.lrn import LocalResponseNorm

__all__ = ["AlexNet", "full_inputs", "kernels", "last_map"]

MARGIN = 2  # zeros around the image with border "around"


def kernels(full: int, width: float, columns: int) -> int:
    """Return `width` times `full` kernels, the same number in each column and at least one."""
    return columns * max(1, round(full / columns * width))


def last_map(design: Design, crop: int) -> int:
    """Return the side of the maps that fc6 sees for an input of side `crop`; below 1: none.

    Before `average`, which makes maps of its own size of any that are left.
    """
    side = crop
    for number, conv in enumerate(design.convs, 1):
        margin = MARGIN if number == 1 and design.border == "around" else conv.padding
        lacking = _lacking(design, crop) if number == 1 else 0
        side = (side + lacking + 2 * margin - conv.kernel) // conv.stride + 1
        if "pool" in conv.after.split() and side > 0:
            side = _pooled(side, design.pool)
        if side < 1:
            return 0
    return side


def _pooled(side: int, window: int) -> int:
    """Windows of 3 round down; those of 2 round up, as the authors' did (55 -> 28, 11 -> 6)."""
    return (side - 3) // 2 + 1 if window == 3 else (side + 1) // 2


def _lacking(design: Design, crop: int) -> int:
    """Return the rows that border "right-bottom" adds: 3 for 224, 0 for 227."""
    first = design.convs[0]
    return (first.kernel - crop) % first.stride if design.border == "right-bottom" else 0


def full_inputs(design: Design) -> dict[str, int]:
    """Return the inputs of a unit of each layer at full width, for images of three channels."""
    inputs, channels = {}, 3
    for number, conv in enumerate(design.convs, 1):
        inputs[f"conv{number}"] = channels // conv.groups * conv.kernel**2
        channels = conv.maps
    side = design.average or last_map(design, design.crop)
    one, two = design.hidden
    flat = channels * side**2
    columns = design.full_columns
    return inputs | {"fc6": flat // columns, "fc7": one // columns, "fc8": two}


class AlexNet(nn.Module):
    """A net of the family.

    Args:
        design: Its table.
        classes: Units of fc8.
        crop: Side of the input in pixels.
        channels: Of the input.
        width: Fraction of the kernels and hidden units.
        dropout: Probability of silencing a unit of fc6 and of fc7 (or of their inputs).
    """

    def __init__(
        self,
        design: Design,
        classes: int,
        crop: int,
        *,
        channels: int = 3,
        width: float = 1.0,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        features: OrderedDict[str, nn.Module] = OrderedDict()
        if lacking := _lacking(design, crop):
            features["border"] = nn.ZeroPad2d((0, lacking, 0, lacking))
        for number, conv in enumerate(design.convs, 1):
            maps = kernels(conv.maps, width, design.columns)
            features |= _conv_layers(design, conv, number, channels, maps)
            channels = maps
        if design.average:
            features["average"] = nn.AdaptiveAvgPool2d(design.average)
        self.features = nn.Sequential(features)
        flat = channels * (design.average or last_map(design, crop)) ** 2
        self.classifier = nn.Sequential(_full_layers(design, flat, width, classes, dropout))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [n, classes] for images [n, channels, crop, crop]."""
        logits: Tensor = self.classifier(self.features(images).flatten(1))
        return logits


def _conv_layers(
    design: Design, conv: Conv, number: int, channels: int, maps: int
) -> OrderedDict[str, nn.Module]:
    words = conv.after.split()
    margin = MARGIN if number == 1 and design.border == "around" else conv.padding
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers[f"conv{number}"] = nn.Conv2d(
        channels,
        maps,
        conv.kernel,
        conv.stride,
        margin,
        groups=conv.groups,
        bias="batch" not in words,  # batch normalisation has its own
    )
    for word in words:
        name, layer = _follower(word, design, maps)
        layers[f"{name}{number}"] = layer
    return layers


def _follower(word: str, design: Design, maps: int) -> tuple[str, nn.Module]:
    if word == "relu":
        return "relu", nn.ReLU(inplace=True)
    if word == "pool":
        return "pool", nn.MaxPool2d(design.pool, 2, ceil_mode=design.pool == 2)
    if word == "batch":
        return "norm", nn.BatchNorm2d(maps)
    if word == "spatial":
        return "spatial", SpatialResponseNorm()
    assert word == "lrn", word
    k, convention = (1.0, "coded") if design.lrn == "caffe" else (2.0, design.lrn)
    return "lrn", LocalResponseNorm(k=k, convention=convention, groups=design.lrn_columns)


def _full_layers(
    design: Design, flat: int, width: float, classes: int, dropout: float
) -> OrderedDict[str, nn.Module]:
    """Return fc6 to fc8; the paper's dropout comes after a layer's ReLU (section 4.2)."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    inputs, columns = flat, design.full_columns
    for number, units in zip((6, 7), design.hidden, strict=True):
        hidden = kernels(units, width, columns)
        kind = nn.Linear if columns == 1 else partial(ColumnLinear, columns=columns)
        trio: dict[str, nn.Module] = {
            f"fc{number}": kind(inputs, hidden),
            f"relu{number}": nn.ReLU(inplace=True),
            f"drop{number}": nn.Dropout(dropout),
        }
        fc, relu, drop = trio
        for name in (drop, fc, relu) if design.dropout_first else (fc, relu, drop):
            layers[name] = trio[name]
        inputs = hidden
    layers["fc8"] = nn.Linear(inputs, classes)
    return layers
