"""Local response normalisation: ours against torch's, and its share of a training step.

    python benchmarks/lrn.py [--batch 32] [--pairs 5] [--step-batch 16]

Both are measured in turn, so that a change of the machine's mood meets both; figures are medians.
"""

import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

from alextrain.init import initialise
from alextrain.lrn import LocalResponseNorm
from alextrain.models import build_model
from alextrain.optimiser import make_optimiser
from alextrain.recipe import load_recipe

SHAPES = ((96, 55, 55), (256, 27, 27))  # after conv1 and conv2 at full width, crop 227
LAYOUTS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
GOAL_RATIO, GOAL_SHARE = 0.25, 0.25


class TorchNorm(nn.Module):
    """The same formula by torch."""

    def forward(self, images):
        """Normalise [n, c, h, w]."""
        return F.local_response_norm(images, 5, alpha=5e-4, beta=0.75, k=2.0)


class NoNorm(nn.Module):
    """What a step costs without it."""

    def forward(self, images):
        """Return the images."""
        return images


def seconds(call):
    """Time one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turn(calls, pairs):
    """Return the times of each call, after one round to warm up."""
    times = [[seconds(call) for call in calls] for _ in range(pairs + 1)][1:]
    return list(zip(*times, strict=True))


def forward_and_backward(norm, images, slopes):
    """Return one pass each way as a call."""

    def call():
        images.grad = None
        norm(images).backward(slopes)

    return call


def alone(batch, pairs):
    """Print ours beside torch's."""
    print(f"forward and backward, batch {batch}, {torch.get_num_threads()} threads, float32")
    for shape in SHAPES:
        for name, layout in LAYOUTS.items():
            images = 30 * torch.randn(batch, *shape).relu_()
            images = images.contiguous(memory_format=layout).requires_grad_()
            slopes = torch.randn_like(images)
            norms = (LocalResponseNorm(), TorchNorm())
            ours, theirs = in_turn(
                [forward_and_backward(norm, images, slopes) for norm in norms], pairs
            )
            ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            print(
                f"  {'x'.join(map(str, shape)):<10} {name:<14}"
                f"ours {1e3 * statistics.median(ours):6.1f} ms   "
                f"torch {1e3 * statistics.median(theirs):6.1f} ms   "
                f"ratio {ratio:.3f} (goal {GOAL_RATIO} or less)"
            )


def with_norms(model, norm):
    """Put `norm` in the place of both."""
    model.features.lrn1, model.features.lrn2 = norm(), norm()
    return model


def training_step(model, optimiser, images, labels):
    """Return one step as a call."""

    def call():
        optimiser.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimiser.step()

    return call


def share_of_step(batch, pairs):
    """Print what part of a whole step it is."""
    recipe = load_recipe("paper")
    model = build_model(recipe.network, 1000, recipe.input.crop)
    initialise(model, recipe.network, recipe.seed)
    model = model.to(memory_format=torch.channels_last)
    optimiser = make_optimiser(model, recipe.optimiser)
    images = 60 * torch.randn(batch, 3, 227, 227).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 1000, (batch,))
    step = training_step(model, optimiser, images, labels)

    def with_norm(norm):
        return lambda: (with_norms(model, norm), step())

    times = in_turn([with_norm(norm) for norm in (LocalResponseNorm, TorchNorm, NoNorm)], pairs)
    ours, theirs, none = (statistics.median(t) for t in times)
    share = statistics.median(1 - c / a for a, _, c in zip(*times, strict=True))
    print(f"a step of `paper`, full width, crop 227, batch {batch}, channels_last")
    print(f"  ours {ours:.2f} s   torch's {theirs:.2f} s   without LRN {none:.2f} s")
    print(f"  share of LRN {share:.1%} (goal {GOAL_SHARE:.0%} or less)")


def main():
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description="Measure local response normalisation.")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--step-batch", type=int, default=16)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    torch.manual_seed(0)
    alone(options.batch, options.pairs)
    share_of_step(options.step_batch, options.pairs)


if __name__ == "__main__":
    main()
