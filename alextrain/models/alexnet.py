"""The net of Krizhevsky, Sutskever and Hinton 2012, whole, and its one-tower form.

    conv1 11/4 -> relu -> LRN -> pool 3/2 -> conv2 5 -> relu -> LRN -> pool 3/2
    -> conv3 3 -> relu -> conv4 3 -> relu -> conv5 3 -> relu -> pool 3/2
    -> fc6 -> relu -> dropout -> fc7 -> relu -> dropout -> fc8

With two groups conv2, conv4 and conv5 see their own half of the channels only, as the halves lived
on two GPUs (section 3.5): 60,965,224 parameters. With one group every kernel sees every channel:
62,378,344. Each pooling and each unpadded convolution rounds down, so any crop from 67 up is taken;
227 gives the paper's 55, 27, 13 and 6.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from alextrain.lrn import LocalResponseNorm

__all__ = ["AlexNet", "full_layers", "inputs", "kernels"]

MAPS = (96, 256, 384, 384, 256)  # kernels of conv1 to conv5
HIDDEN = 4096  # units of fc6 and of fc7


def kernels(full: int, width: float, groups: int) -> int:
    """Return `width` times `full` kernels, the same number in each group and at least one."""
    return groups * max(1, round(full / groups * width))


def inputs(groups: int) -> dict[str, int]:
    """Return the inputs of a unit of each layer, at full width and a crop of 227."""
    one, two, three, four, five = MAPS
    return {
        "conv1": 3 * 11**2,
        "conv2": one // groups * 5**2,
        "conv3": two * 3**2,
        "conv4": three // groups * 3**2,
        "conv5": four // groups * 3**2,
        "fc6": five * 6**2,
        "fc7": HIDDEN,
        "fc8": HIDDEN,
    }


class AlexNet(nn.Module):
    """The paper's net.

    Args:
        classes: units of fc8.
        crop: side of the input in pixels.
        groups: 2 as in the paper, 1 for a single tower.
        width: fraction of the kernels and hidden units.
        dropout: probability of silencing a unit of fc6 and of fc7.
    """

    def __init__(
        self, classes: int, crop: int, *, groups: int = 2, width: float = 1.0, dropout: float = 0.5
    ) -> None:
        super().__init__()
        maps = [kernels(full, width, groups) for full in MAPS]
        hidden = kernels(HIDDEN, width, 1)
        self.features = nn.Sequential(_features(maps, groups))
        flat = maps[-1] * self.last_map(crop) ** 2
        self.classifier = nn.Sequential(full_layers(flat, hidden, classes, dropout))

    @staticmethod
    def last_map(crop: int) -> int:
        """Return the side of pool5's maps for an input of side `crop`; below 1 there is none."""
        side = (crop - 11) // 4 + 1
        for _ in range(3):  # the convolutions between the pools keep the size
            side = (side - 3) // 2 + 1
        return side

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [n, classes] for images [n, 3, crop, crop]."""
        logits: Tensor = self.classifier(self.features(images).flatten(1))
        return logits


def _features(maps: list[int], groups: int) -> OrderedDict[str, nn.Module]:
    one, two, three, four, five = maps
    layers: list[tuple[str, nn.Module]] = [
        ("conv1", nn.Conv2d(3, one, 11, stride=4)),
        ("relu1", nn.ReLU(inplace=True)),
        ("lrn1", LocalResponseNorm()),
        ("pool1", nn.MaxPool2d(3, 2)),
        ("conv2", nn.Conv2d(one, two, 5, padding=2, groups=groups)),
        ("relu2", nn.ReLU(inplace=True)),
        ("lrn2", LocalResponseNorm()),
        ("pool2", nn.MaxPool2d(3, 2)),
        ("conv3", nn.Conv2d(two, three, 3, padding=1)),  # the only one that joins the halves
        ("relu3", nn.ReLU(inplace=True)),
        ("conv4", nn.Conv2d(three, four, 3, padding=1, groups=groups)),
        ("relu4", nn.ReLU(inplace=True)),
        ("conv5", nn.Conv2d(four, five, 3, padding=1, groups=groups)),
        ("relu5", nn.ReLU(inplace=True)),
        ("pool5", nn.MaxPool2d(3, 2)),
    ]
    return OrderedDict(layers)


def full_layers(
    flat: int, hidden: int, classes: int, dropout: float
) -> OrderedDict[str, nn.Module]:
    """Return fc6 to fc8; dropout comes after a layer's ReLU, as in the paper's section 4.2."""
    layers: list[tuple[str, nn.Module]] = [
        ("fc6", nn.Linear(flat, hidden)),
        ("relu6", nn.ReLU(inplace=True)),
        ("drop6", nn.Dropout(dropout)),
        ("fc7", nn.Linear(hidden, hidden)),
        ("relu7", nn.ReLU(inplace=True)),
        ("drop7", nn.Dropout(dropout)),
        ("fc8", nn.Linear(hidden, classes)),
    ]
    return OrderedDict(layers)
