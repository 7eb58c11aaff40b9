"""The mistakes of docs/lessons.md against their cures, measured: a line for each.

    OMP_NUM_THREADS=1 python -m benchmarks.lessons SHARDS [--only 1,3,17]

SHARDS holds imagenette-160 (`alexprep shard imagenette-160.tar SHARDS --size 160`, then stats).
Settings, written down before the first run: width 0.25, crop 143, batch 64, 2 epochs (296 steps),
seed 0, all else as the recipe has it; `loss` is the mean training loss of the last 50 steps,
`val error` top-1 of the centre view over all of val. One seed: a difference below three points
says nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from alextrain.models.lrn import LocalResponseNorm
from alextrain.training.metrics import Counts
from benchmarks.lessons_lab import (
    Lab,
    Trained,
    by_255,
    dropout_first,
    with_softmax,
    without_biases,
    without_relus,
)
from benchmarks.timing import machine

Rows = Iterator[tuple[str, object]]


class Lessons:
    """One method for each lesson that is measured; it yields what was done and what came out."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.paper = cache(lambda: self.fit("paper"))
        self.quick = cache(lambda: self.fit("quick"))

    def fit(self, recipe: str, changes: dict[str, object] | None = None, **how: object) -> Trained:
        """Train a recipe at this file's scale."""
        return self.lab.train(self.lab.recipe(recipe, **(changes or {})), **how)  # type: ignore[arg-type]

    def lesson_1(self) -> Rows:
        """Take an input too small for the initial weights."""
        yield "paper", self.paper()
        yield "normalise=mean-std", self.fit("paper", {"normalise": "mean-std"})
        small = {"normalise": "mean-std", "init": "he"}
        yield "normalise=mean-std, init=he", self.fit("paper", small)

    def lesson_2(self) -> Rows:
        """Seeds."""
        for seed in (1, 2):
            yield f"paper, seed {seed}", self.fit("paper", {"seed": seed})

    def lesson_3(self) -> Rows:
        """LRN as coded, and none."""
        yield "lrn=coded", self.fit("paper", {"lrn": "coded"})
        yield "lrn=off", self.fit("paper", {"lrn": "off"})

    def lesson_4(self) -> Rows:
        """LRN in 16 bits."""
        maps = torch.full((1, 5, 1, 1), 300.0, dtype=torch.float16)
        energy = (maps * maps).sum(1)
        yield "300, the formula in float16", (maps[:, 2] / (2 + 1e-4 * energy) ** 0.75).item()
        yield "300 by this program", LocalResponseNorm()(maps)[0, 2].item()
        yield "300 in float64", 300 / (2 + 1e-4 * 5 * 300**2) ** 0.75

    def lesson_5(self) -> Rows:
        """Biases of 1 forgotten."""
        yield "paper, all biases 0", self.fit("paper", alter=without_biases)

    def lesson_6(self) -> Rows:
        """No ReLU between the full layers."""
        yield "paper, no ReLU after fc6 and fc7", self.fit("paper", alter=without_relus)

    def lesson_7(self) -> Rows:
        """Dropout before the full layers."""
        yield "paper, dropout before fc6 and fc7", self.fit("paper", alter=dropout_first)

    def lesson_8(self) -> Rows:
        """Momentum across a drop of the rate."""
        moved = {form: after_a_drop(form) for form in ("rate inside", "rate outside")}
        yield "steps of the old rate still to come, rate inside", moved["rate inside"]
        yield "the same, rate outside", moved["rate outside"]

    def lesson_9(self) -> Rows:
        """StepLR(30)."""
        optimiser = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.01)
        schedule, seen = torch.optim.lr_scheduler.StepLR(optimiser, 30), []
        for _ in range(90):
            seen.append(round(optimiser.param_groups[0]["lr"], 9))
            optimiser.step()
            schedule.step()
        yield "rates of 90 epochs, StepLR(30)", sorted(set(seen), reverse=True)

    def lesson_10(self) -> Rows:
        """Warm-up, and none."""
        yield "quick (warm-up of 200 steps)", self.quick()
        yield "quick, no warm-up", self.fit("quick", {"warmup_steps": 0})
        hot = self.fit("quick", {"warmup_steps": 0, "lr": 0.5})
        yield "quick, no warm-up, rate 0.5", hot
        yield "quick, warm-up, rate 0.5", self.fit("quick", {"lr": 0.5})

    def lesson_11(self) -> Rows:
        """Colour noise in the wrong unit."""
        right = 0.1 * np.sqrt(self.lab.statistics.eigenvalues)
        wrong = 0.1 * self.lab.statistics.eigenvalues
        yield "levels along the axes, roots of the eigenvalues", np.round(right, 1)
        yield "levels along the axes, eigenvalues of levels", np.round(wrong)
        lambdas = {"colour": "lambda", "colour_scale": 25.5}  # 0.1 x eigenvalues, in levels
        yield "quick, eigenvalues of levels", self.fit("quick", lambdas)
        yield "quick, colour=off", self.fit("quick", {"colour": "off"})

    def lesson_12(self) -> Rows:
        """Random crops in validation."""
        yield "centre", error(self.quick().val)
        for seed in (1, 2):
            drawn = self.lab.evaluate(self.quick(), drawn=seed)
            yield f"random crops, draw {seed}", error(drawn)

    def lesson_13(self) -> Rows:
        """Take the mean of batch means."""
        means: list[float] = []
        by_class = np.argsort(self.lab.val_set.labels, kind="stable")
        counts = self.lab.evaluate(
            self.quick(),
            numbers=by_class,
            hear=lambda logits, labels: means.append((logits.argmax(1) != labels).double().mean()),
        )
        yield "counted", f"{counts.top1_error:.3%}"
        yield f"mean of {len(means)} batch means", f"{float(np.mean(means)):.3%}"

    def lesson_14(self) -> Rows:
        """Labels moved by one."""
        guesses: list[Tensor] = []
        self.lab.evaluate(self.quick(), hear=lambda logits, _: guesses.append(logits.argmax(1)))
        guess, truth = torch.cat(guesses), torch.from_numpy(self.lab.val_set.labels)
        for lost in (len(truth), len(truth) // 2, 0):  # the split's own order is random
            moved = torch.cat([truth[:lost], truth[lost:].roll(1)])
            wrong = (guess != moved).double().mean().item()
            yield f"labels moved by one from image {lost:,} on", f"val error {wrong:.1%}"

    def lesson_15(self) -> Rows:
        """Shards sorted by class."""
        by_class = np.argsort(self.lab.train_set.labels, kind="stable")
        trained = self.fit("quick", order=lambda _: by_class)
        yield "quick, sorted by class", trained

    def lesson_16(self) -> Rows:
        """Resuming from weights alone."""
        second = len(self.quick().losses) // 2
        yield "loss of 50 steps before", mean(self.quick().losses[second - 50 : second])
        yield "loss of 50 steps after, whole state", mean(self.quick().losses[second:][:50])
        weights = self.quick().states[0]
        again = {"epochs": 1, "warmup_steps": 0}
        resumed = self.fit("quick", again, weights=weights)
        yield "the same, weights alone, first rate again", mean(resumed.losses[:50])
        yield "whole state, at the end", error(self.quick().val)
        yield "weights alone, at the end", error(resumed.val)

    def lesson_17(self) -> Rows:
        """Softmax twice."""
        yield "quick, softmax in the network", self.fit("quick", wrap=with_softmax)

    def lesson_18(self) -> Rows:
        """Evaluate in training mode."""
        by_class = np.argsort(self.lab.val_set.labels, kind="stable")
        for name in ("paper", "quick"):
            trained = self.paper() if name == "paper" else self.quick()
            for words, numbers in (("mixed", None), ("sorted by class", by_class)):
                spoilt = replace(trained, model=deepcopy(trained.model))
                counts = self.lab.evaluate(spoilt, training=True, numbers=numbers)
                yield f"{name}, training mode, {words}", error(counts)
                yield "the same, evaluation mode after it", error(self.lab.evaluate(spoilt))

    def lesson_19(self) -> Rows:
        """Another path for pictures at prediction."""
        for name, trained in (("paper", self.paper()), ("quick", self.quick())):
            swapped = self.lab.evaluate(trained, see=lambda images: images.flip(-1))
            yield f"{name}, BGR", error(swapped)
            yield f"{name}, 0..1 for levels", error(self.lab.evaluate(trained, change=by_255))

    def lesson_20(self) -> Rows:
        """Adam's rate."""
        for lr in (1e-2, 1e-3, 1e-4):
            yield f"tutorial (Adam), rate {lr:g}", self.fit("tutorial", {"lr": lr})


def error(counts: Counts) -> str:
    """Say the error of counts."""
    return f"val error {counts.top1_error:.1%}"


def mean(losses: list[float]) -> str:
    """Say the mean of losses."""
    return f"loss {float(np.mean(losses)):.3f}"


def after_a_drop(form: str, momentum: float = 0.9) -> float:
    """Return how far weights go by the old velocity after the rate fell to a tenth.

    In steps of the velocity that they had; no gradient comes any more.
    """
    velocity = 1.0  # displacement of the last step at the old rate
    shrunk = 0.1 if form == "rate outside" else 1.0
    return sum(shrunk * velocity * momentum**n for n in range(1, 1000))


def main() -> None:
    """Measure the lessons asked for, one line for each thing that was tried."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("shards", type=Path)
    parser.add_argument("--only", default="", help="Numbers of lessons, with commas.")
    given = parser.parse_args()
    lessons = Lessons(Lab(given.shards))
    print(machine(), f"torch {torch.__version__}, {torch.get_num_threads()} threads", flush=True)
    wanted = [int(n) for n in given.only.split(",") if n] or range(1, 21)
    for number in wanted:
        for words, result in getattr(lessons, f"lesson_{number}")():
            print(f"{number:2}  {words:50} {result}", flush=True)


if __name__ == "__main__":
    main()
