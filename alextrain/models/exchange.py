"""Weights to and from torchvision's alexnet, whose layers have numbers for names."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from alextrain.errors import CheckpointError

__all__ = ["from_torchvision", "to_torchvision"]

NAMES = {
    "features.conv1": "features.0",
    "features.conv2": "features.3",
    "features.conv3": "features.6",
    "features.conv4": "features.8",
    "features.conv5": "features.10",
    "classifier.fc6": "classifier.1",
    "classifier.fc7": "classifier.4",
    "classifier.fc8": "classifier.6",
}


def to_torchvision(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of model "torchvision" under torchvision's names.

    Raises:
        CheckpointError: they are of another model.
    """
    return _renamed(weights, NAMES, "this net", "is of another model than 'torchvision'")


def from_torchvision(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the state of a torchvision alexnet under this program's names.

    Raises:
        CheckpointError: it is no state of torchvision's alexnet.
    """
    names = {theirs: ours for ours, theirs in NAMES.items()}
    return _renamed(weights, names, "this state", "is not that of torchvision's alexnet")


def _renamed(
    weights: Mapping[str, Tensor], names: Mapping[str, str], thing: str, wrong: str
) -> dict[str, Tensor]:
    wanted = {
        f"{old}.{part}": f"{new}.{part}"
        for old, new in names.items()
        for part in ("weight", "bias")
    }
    if odd := sorted(wanted.keys() ^ weights.keys()):
        raise CheckpointError(f"{thing} {wrong} ({odd[0]!r} in one of them alone)")
    return {wanted[name]: tensor for name, tensor in weights.items()}
