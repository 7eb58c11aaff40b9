"""AlexNet as one would train it today: batch normalisation in the place of LRN.

Kernels, strides, halves and pools are the paper's. conv1 looks two pixels beyond the edge, so that
small images keep larger maps: a crop of 143 gives 35, 17, 8 and 3, and 63 is the smallest. The full
layers are not normalised: it made errors no smaller, and a last batch of one image would have no
variance there.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from alextrain.models.alexnet import HIDDEN, MAPS, AlexNet, full_layers, kernels

__all__ = ["Quick"]

MARGIN = 2  # pixels around the image


class Quick(nn.Module):
    """The paper's net with batch normalisation after each convolution.

    Args:
        classes: units of fc8.
        crop: side of the input in pixels.
        groups: 2 for halves, 1 for a single tower.
        width: fraction of the kernels and hidden units.
        dropout: probability of silencing a unit of fc6 and of fc7.
    """

    def __init__(
        self, classes: int, crop: int, *, groups: int = 2, width: float = 1.0, dropout: float = 0.2
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
        return AlexNet.last_map(crop + 2 * MARGIN)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [n, classes] for images [n, 3, crop, crop]."""
        logits: Tensor = self.classifier(self.features(images).flatten(1))
        return logits


def _features(maps: list[int], groups: int) -> OrderedDict[str, nn.Module]:
    one, two, three, four, five = maps
    layers: list[tuple[str, nn.Module]] = [
        *_normalised("1", nn.Conv2d(3, one, 11, stride=4, padding=MARGIN, bias=False)),
        ("pool1", nn.MaxPool2d(3, 2)),
        *_normalised("2", nn.Conv2d(one, two, 5, padding=2, groups=groups, bias=False)),
        ("pool2", nn.MaxPool2d(3, 2)),
        *_normalised("3", nn.Conv2d(two, three, 3, padding=1, bias=False)),
        *_normalised("4", nn.Conv2d(three, four, 3, padding=1, groups=groups, bias=False)),
        *_normalised("5", nn.Conv2d(four, five, 3, padding=1, groups=groups, bias=False)),
        ("pool5", nn.MaxPool2d(3, 2)),
    ]
    return OrderedDict(layers)


def _normalised(number: str, conv: nn.Conv2d) -> list[tuple[str, nn.Module]]:
    norm, relu = nn.BatchNorm2d(conv.out_channels), nn.ReLU(inplace=True)
    return [(f"conv{number}", conv), (f"norm{number}", norm), (f"relu{number}", relu)]
