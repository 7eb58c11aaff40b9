"""AlexNet as one would train it today: batch normalisation in the place of LRN and of biases.

The kernels, strides, halves and pools are the paper's.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from alextrain.models.alexnet import HIDDEN, MAPS, AlexNet, kernels

__all__ = ["Quick"]


class Quick(nn.Module):
    """The paper's net with batch normalisation after each layer but the last."""

    def __init__(
        self, classes: int, crop: int, *, groups: int = 2, width: float = 1.0, dropout: float = 0.2
    ) -> None:
        super().__init__()
        one, two, three, four, five = (kernels(full, width, groups) for full in MAPS)
        hidden = kernels(HIDDEN, width, 1)
        layers: list[tuple[str, nn.Module]] = [
            *_conv("1", nn.Conv2d(3, one, 11, stride=4, bias=False)),
            ("pool1", nn.MaxPool2d(3, 2)),
            *_conv("2", nn.Conv2d(one, two, 5, padding=2, groups=groups, bias=False)),
            ("pool2", nn.MaxPool2d(3, 2)),
            *_conv("3", nn.Conv2d(two, three, 3, padding=1, bias=False)),
            *_conv("4", nn.Conv2d(three, four, 3, padding=1, groups=groups, bias=False)),
            *_conv("5", nn.Conv2d(four, five, 3, padding=1, groups=groups, bias=False)),
            ("pool5", nn.MaxPool2d(3, 2)),
        ]
        self.features = nn.Sequential(OrderedDict(layers))
        flat = five * self.last_map(crop) ** 2
        layers = [
            *_full("6", nn.Linear(flat, hidden, bias=False), dropout),
            *_full("7", nn.Linear(hidden, hidden, bias=False), dropout),
            ("fc8", nn.Linear(hidden, classes)),
        ]
        self.classifier = nn.Sequential(OrderedDict(layers))

    last_map = staticmethod(AlexNet.last_map)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [n, classes] for images [n, 3, crop, crop]."""
        logits: Tensor = self.classifier(self.features(images).flatten(1))
        return logits


def _conv(number: str, conv: nn.Conv2d) -> list[tuple[str, nn.Module]]:
    norm, relu = nn.BatchNorm2d(conv.out_channels), nn.ReLU(inplace=True)
    return [(f"conv{number}", conv), (f"norm{number}", norm), (f"relu{number}", relu)]


def _full(number: str, full: nn.Linear, dropout: float) -> list[tuple[str, nn.Module]]:
    norm, relu = nn.BatchNorm1d(full.out_features), nn.ReLU(inplace=True)
    layers: list[tuple[str, nn.Module]] = [(f"fc{number}", full), (f"norm{number}", norm)]
    return [*layers, (f"relu{number}", relu), (f"drop{number}", nn.Dropout(dropout))]
