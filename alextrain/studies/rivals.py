"""Other nets beside ours, all measured in one run on the same machine and input."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from alextrain.device import Machine
from alextrain.errors import RecipeError
from alextrain.recipes.recipe import Recipe
from alextrain.studies.speed import wait_for
from alextrain.training.gradients import autocast
from alextrain.training.setup import make_model


@dataclass(frozen=True)
class Measured:
    """One net's row of the table."""

    name: str
    parameters: int
    training: float  # images per second, forward, backward and update
    predicting: float  # images per second, forward alone
    bytes: int  # of weights and of what the backward pass needs, for one batch


def measure_nets(
    names: Sequence[str],
    recipe: Recipe,
    machine: Machine,
    classes: int,
    *,
    compiled: bool,
    seconds: float,
) -> list[Measured]:
    """Measure the recipe's net and nets of torchvision on generated images.

    Raises:
        RecipeError: torchvision has no such classifier, or it cannot take the crop.
    """
    nets: list[tuple[str, nn.Module]] = [(recipe.name, make_model(recipe, classes))]
    check_names(names)
    nets += [(name, _torchvision(name, classes)) for name in names]
    side, count = recipe.input.crop, recipe.batch_size
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(count, 3, side, side, generator=generator)
    labels = torch.randint(classes, (count,), generator=generator)
    batch = images.to(machine.device), labels.to(machine.device)
    return [_measure(name, net, batch, machine, compiled, seconds) for name, net in nets]


def check_names(names: Sequence[str]) -> None:
    """Check that torchvision has these classifiers, before anything is measured.

    Raises:
        RecipeError: names the first that it does not have, and what is near it.
    """
    known = models.list_models(module=models)
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see torchvision.models"
            raise RecipeError(f"torchvision has no classifier {name!r}: {hint}")


def _torchvision(name: str, classes: int) -> nn.Module:
    net: nn.Module = models.get_model(name, weights=None, num_classes=classes)
    return net


def _measure(
    name: str,
    net: nn.Module,
    batch: tuple[Tensor, Tensor],
    machine: Machine,
    compiled: bool,
    seconds: float,
) -> Measured:
    net.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    forward = torch.compile(net) if compiled else net
    images, labels = batch
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9)

    def train() -> None:
        net.train()
        with autocast(machine):
            logits = forward(images)
        logits = logits if isinstance(logits, Tensor) else logits[0]  # googlenet's has more heads
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(F.cross_entropy(logits.float(), labels))
        optimiser.step()

    def predict() -> None:
        net.eval()
        with torch.inference_mode(), autocast(machine):
            forward(images)

    try:
        kept = _kept_bytes(train, net)
        rates = [len(labels) * _per_second(work, machine, seconds) for work in (train, predict)]
    except RuntimeError as error:
        reason = str(error).split("\n", 1)[0]
        raise RecipeError(
            f"{name} cannot take {images.shape[-1]}x{images.shape[-1]} images in batches of "
            f"{len(labels)} ({reason}); try --crop 224, or leave it out"
        ) from error
    parameters = sum(weights.numel() for weights in net.parameters())
    return Measured(name, parameters, rates[0], rates[1], kept)


def _kept_bytes(train: Callable[[], None], net: nn.Module) -> int:
    """Return the bytes of weights and of the tensors that autograd keeps during a step."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    for weights in (*net.parameters(), *net.buffers()):
        kept[weights.untyped_storage().data_ptr()] = weights.untyped_storage().nbytes()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        train()
    return sum(kept.values())


def _per_second(work: Callable[[], None], machine: Machine, seconds: float) -> float:
    work()
    wait_for(machine)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        work()
        done += 1
    wait_for(machine)
    return done / (time.perf_counter() - began)
