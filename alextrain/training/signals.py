"""Is the net alive? The size of the signal in each layer, before the first step.

A net can only learn from what differs between images. With the paper's initialisation and inputs
that are too small (levels divided by 255, or by their deviation) the biases of 1 drown the images:
all of them give nearly the same logits, gradients vanish, and the loss stays at ln(classes).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Signal", "dead_layers", "describe_signals", "measure_signals"]

ALIVE = 0.002  # live nets give 0.004 and more, dead ones 0.0012 and less: test_signals.py


@dataclass(frozen=True, slots=True)
class Signal:
    """What one layer gives for a batch, before its activation function."""

    layer: str
    size: float  # root mean square over images and units
    between: float  # root over units of the mean variance between images

    @property
    def share(self) -> float:
        """Part of the output, 0..1, that differs from image to image."""
        return self.between / self.size if self.size > 0 else 0.0


@torch.no_grad()
def measure_signals(model: nn.Module, images: Tensor) -> list[Signal]:
    """Measure the output of each convolution and each full layer on one batch.

    The model is left as it was: a copy runs, without dropout, its batch normalisation on the
    statistics of this batch.

    Args:
        model: on the device of the images.
        images: [n, 3, crop, crop], as in training, n of 2 or more; 64 are plenty.
    """
    replica = copy.deepcopy(model).eval()
    signals: list[Signal] = []
    for module in replica.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    hear_layers(replica, images, lambda label, output: signals.append(_signal(label, output)))
    return signals


def hear_layers(replica: nn.Module, images: Tensor, hear: Callable[[str, Tensor], None]) -> None:
    """Run a net and hear the output of each convolution and each full layer, before the ReLU.

    Args:
        replica: A copy of the net, which keeps the hooks.
        images: [n, 3, crop, crop] on its device.
        hear: Gets the layer's name, "conv1", and its output, which the ReLU changes afterwards.
    """
    for name, module in replica.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            label = name.rpartition(".")[2]
            module.register_forward_hook(lambda _, __, output, label=label: hear(label, output))
    replica(images)


def dead_layers(signals: list[Signal]) -> list[str]:
    """Return the layers in which images can hardly be told from each other."""
    return [signal.layer for signal in signals if signal.share < ALIVE]


def describe_signals(signals: list[Signal]) -> str:
    """Say in one sentence whether the net can learn."""
    last, dead = signals[-1], dead_layers(signals)
    if not dead:
        return f"signal: {last.share:.1%} of {last.layer}'s output differs between images (alive)"
    return (
        f"dead network: from {dead[0]} on images can hardly be told apart: {last.share:.3%} of "
        f"{last.layer}'s output differs between them, and learning needs {ALIVE:.1%}; the initial "
        'weights do not fit the scale of the input: init "paper" needs normalise "mean-image", '
        'which leaves levels as they are; with "mean-std" or "unit" use init "he"'
    )


def _signal(layer: str, output: Tensor) -> Signal:
    values = output.double() if output.device.type != "mps" else output.float()
    between = values.var(dim=0, correction=0).mean().sqrt()
    return Signal(layer, values.square().mean().sqrt().item(), between.item())
