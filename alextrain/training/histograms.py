"""How weights and activations are spread: exact counts, made on the device."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from alextrain.training.signals import hear_layers

__all__ = ["Histogram", "activation_histograms", "histogram_of", "weight_histograms"]

BINS = 64
CHUNK = 1 << 22  # values counted at once: torch counts in float32, which is exact up to 2**24


class Histogram(NamedTuple):
    """How many values lie in each of the bins of equal width between the ends."""

    low: float
    high: float
    counts: list[int]  # of each bin
    total: float  # sum of the values
    squares: float  # sum of their squares


@torch.no_grad()
def histogram_of(values: Tensor) -> Histogram:
    """Count a tensor's finite values; the ends are the smallest and the largest of them."""
    flat = values.flatten().float()
    if not bool(flat.isfinite().all()):
        flat = flat[flat.isfinite()]
    if not len(flat):
        return Histogram(0.0, 1.0, [0] * BINS, 0.0, 0.0)
    low, high = (end.item() for end in flat.aminmax())
    if low == high:  # biases before the first step
        low, high = low - 0.5, high + 0.5
    counts = torch.zeros(BINS, dtype=torch.int64, device=flat.device)
    for part in torch.split(flat, CHUNK):
        counts += torch.histc(part, BINS, low, high).long()
    total, squares = flat.sum().item(), flat.square().sum().item()
    return Histogram(low, high, counts.tolist(), total, squares)


def weight_histograms(model: nn.Module) -> dict[str, Histogram]:
    """Return the histograms of all weights and biases, as "weights/conv1" and "biases/conv1"."""
    found = {}
    for name, values in model.named_parameters():
        *_, layer, part = name.split(".")
        found[f"{'biases' if part == 'bias' else 'weights'}/{layer}"] = histogram_of(values)
    return found


@torch.no_grad()
def activation_histograms(model: nn.Module, images: Tensor) -> dict[str, Histogram]:
    """Return what each convolution and full layer gives for a batch, as "activations/conv1".

    Before the ReLU: what it silences shows as the part below zero. The model is left as it was: a
    copy runs, in evaluation mode.

    Args:
        model: On the device of the images.
        images: float32 [n, 3, crop, crop].
    """
    found: dict[str, Histogram] = {}

    def hear(layer: str, output: Tensor) -> None:
        found[f"activations/{layer}"] = histogram_of(output)

    hear_layers(copy.deepcopy(model).eval(), images, hear)
    return found
