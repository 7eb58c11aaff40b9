"""What a net is made of: layers, shapes, parameters, work and memory, counted and not guessed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from alextrain.models import build_model

if TYPE_CHECKING:
    from alextrain.recipes.recipe import Network

__all__ = ["Layer", "Summary", "summarise", "summary_table"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, for one image."""

    name: str
    kind: str
    shape: tuple[int, ...]  # of what it gives
    weights: int
    biases: int
    macs: int  # multiply-accumulates forward; of convolutions and full layers only


@dataclass(frozen=True, slots=True)
class Summary:
    """A net at one size of input. Memory is in bytes, at 32 bits a number."""

    crop: int
    layers: tuple[Layer, ...]
    input_bytes: int  # of one image
    kept_bytes: int  # of one image: what training keeps from the forward for the backward pass

    @property
    def weights(self) -> int:
        """Count all weights."""
        return sum(layer.weights for layer in self.layers)

    @property
    def biases(self) -> int:
        """Count all biases."""
        return sum(layer.biases for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Count what is learnt."""
        return self.weights + self.biases

    @property
    def macs(self) -> int:
        """Count multiply-accumulates of one image, forward."""
        return sum(layer.macs for layer in self.layers)


def summarise(network: Network, classes: int, crop: int) -> Summary:
    """Count everything by running the net on two images and on three.

    Raises:
        RecipeError: the net cannot take this crop.
    """
    with torch.device("meta"):  # shapes without numbers
        model = build_model(network, classes, crop)
        layers: list[Layer] = []
        for name, module in model.named_modules():
            if not list(module.children()):
                _watch(name.rpartition(".")[2], module, layers)
        # The difference leaves out what does not grow with the batch.
        kept = _kept_bytes(model, crop, images=3) - _kept_bytes(model, crop, images=2)
    once = tuple(layers[: len(layers) // 2])
    return Summary(crop, once, input_bytes=4 * 3 * crop * crop, kept_bytes=kept)


def summary_table(summary: Summary) -> str:
    """Return the summary as a text table for a terminal."""
    lines = [f"{'layer':<9}{'kind':<20}{'gives':<16}{'parameters':>12}{'multiply-adds':>16}"]
    lines.append(_row("input", "", (3, summary.crop, summary.crop), 0, 0))
    for layer in summary.layers:
        parameters = layer.weights + layer.biases
        lines.append(_row(layer.name, layer.kind, layer.shape, parameters, layer.macs))
    lines.append(_row("total", "", (), summary.parameters, summary.macs))
    size, kept, given = (
        f"{count / 2**20:.2f} MiB"
        for count in (4 * summary.parameters, summary.kept_bytes, summary.input_bytes)
    )
    lines += [
        f"parameters  {summary.weights:,} weights and {summary.biases:,} biases: {size};",
        "            in training three times that, with gradient and velocity",
        f"each image  {given} of input; in training {kept} kept for the backward pass",
    ]
    return "\n".join(lines)


def _row(name: str, kind: str, shape: tuple[int, ...], parameters: int, macs: int) -> str:
    gives = "x".join(map(str, shape))
    return f"{name:<9}{kind:<20}{gives:<16}{_count(parameters):>12}{_count(macs):>16}".rstrip()


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _watch(name: str, module: nn.Module, layers: list[Layer]) -> None:
    module.register_forward_hook(
        lambda module, _, output: layers.append(_layer(name, module, output))
    )


def _layer(name: str, module: nn.Module, output: Tensor) -> Layer:
    shape = tuple(output.shape[1:])
    sizes = {key: value.numel() for key, value in module.named_parameters()}
    positions = shape[1] * shape[2] if len(shape) == 3 else 1
    multiplies = isinstance(module, nn.Conv2d | nn.Linear)
    macs = sizes["weight"] * positions if multiplies else 0
    weights, biases = sizes.get("weight", 0), sizes.get("bias", 0)
    return Layer(name, type(module).__name__, shape, weights, biases, macs)


def _kept_bytes(model: nn.Module, crop: int, images: int) -> int:
    """Return the bytes of all tensors that autograd keeps, each once."""
    kept: dict[int, Tensor] = {}
    with _saved(kept):
        model(torch.zeros(images, 3, crop, crop, device="meta"))
    return sum(t.untyped_storage().nbytes() for t in kept.values())


@contextmanager
def _saved(kept: dict[int, Tensor]) -> Iterator[None]:
    def pack(tensor: Tensor) -> Tensor:
        kept[_storage(tensor)] = tensor  # held, so that no other storage takes its number
        return tensor

    def unpack(tensor: Any) -> Any:
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        yield


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
