"""Local response normalisation: ours against torch's, and its share of a training step.

    python -m benchmarks.lrn [--batch 32] [--step-batch 16] [--rounds 5] [--results FILE]

Both are measured in turn, so that a change of the machine's mood meets both; figures are medians.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alextrain.models import build_model
from alextrain.models.init import initialise
from alextrain.models.lrn import LocalResponseNorm
from alextrain.recipes.recipe import load_recipe
from alextrain.training.optimiser import make_optimiser
from benchmarks.timing import Measurement, Row, in_turn, machine, pairs, report, row, seconds

SHAPES = ((96, 55, 55), (256, 27, 27))  # after conv1 and conv2 at full width, crop 227
LAYOUTS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
MS = 1e3


class TorchNorm(nn.Module):
    """The same formula by torch."""

    def forward(self, images: Tensor) -> Tensor:
        """Normalise [n, c, h, w]."""
        return F.local_response_norm(images, 5, alpha=5e-4, beta=0.75, k=2.0)


def both_ways(norm: nn.Module, images: Tensor, slopes: Tensor) -> Measurement:
    """Return a measure of one pass forward and backward: milliseconds."""

    def run() -> None:
        images.grad = None
        norm(images).backward(slopes)

    run()
    return lambda: MS * seconds(run)


def alone(batch: int, rounds: int) -> list[Row]:
    """Compare ours with torch's, in float32."""
    rows = []
    for shape in SHAPES:
        for name, layout in LAYOUTS.items():
            images = 30 * torch.randn(batch, *shape).relu_()
            images = images.contiguous(memory_format=layout).requires_grad_()
            slopes = torch.randn_like(images)
            ours = both_ways(LocalResponseNorm(), images, slopes)
            other = both_ways(TorchNorm(), images, slopes)
            figure = f"LRN / torch's, {'x'.join(map(str, shape))}, {name}"
            note = f"batch {batch}"
            rows.append(row(figure, "ms", pairs(ours, other, rounds), at_most=0.25, note=note))
    return rows


def share_of_step(batch: int, rounds: int) -> list[Row]:
    """Measure what part of a whole step it is: of `paper`, full width, crop 227."""
    recipe = load_recipe("paper")
    model = build_model(recipe.network, 1000, recipe.input.crop)
    initialise(model, recipe.network, recipe.seed)
    model.to(memory_format=torch.channels_last)
    optimiser = make_optimiser(model, recipe.optimiser)
    images = 60 * torch.randn(batch, 3, 227, 227).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 1000, (batch,))
    features = model.get_submodule("features")

    def step() -> None:
        optimiser.zero_grad()
        torch.autograd.backward(F.cross_entropy(model(images), labels))
        optimiser.step()

    def step_with(norm: type[nn.Module]) -> Measurement:
        def measured() -> float:
            features.lrn1, features.lrn2 = norm(), norm()
            return seconds(step)

        measured()
        return measured

    norms = (LocalResponseNorm, TorchNorm, nn.Identity)
    ours, torchs, none = in_turn([step_with(norm) for norm in norms], rounds)
    share = median(1 - without / whole for whole, without in zip(ours, none, strict=True))
    note = f"batch {batch}"
    return [
        Row("step of `paper`, with torch's LRN", "s", median(ours), median(torchs), note=note),
        Row("LRN's share of a step of `paper`", "", share, at_most=0.25, note=note),
    ]


def main(given: Sequence[str] | None = None) -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description="Measure local response normalisation.")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--step-batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args(given)
    torch.manual_seed(0)
    print(f"{machine()}, {torch.get_num_threads()} threads", flush=True)
    report(alone(options.batch, options.rounds), options.results)
    report(share_of_step(options.step_batch, options.rounds), options.results)


if __name__ == "__main__":
    main()
