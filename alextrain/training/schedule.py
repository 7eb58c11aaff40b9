"""The rate of each step, as a pure function: nothing to save, nothing to restore.

plateau     the rate drops when the validation error has not improved for `patience` epochs, `drops`
            times at most (paper, section 5: by ten, three times)
milestones  the rate drops once `milestones` epochs are done (the authors did so by hand)
step        the rate drops every `every` epochs
dexp        `levels` rates in equal parts of the run, the last one `fall` times smaller than lr
            (cuda-convnet2's lr.cu; a step on the border still has the rate before it)
cosine      half a cosine from lr down towards 0 at the last step
polynomial  lr (1 - done / all) ^ power
one-cycle   half a cosine up from lr / 25 to lr, then one down to a 10,000th of where it began
            (Smith 2018, as torch's OneCycleLR has it)
constant    lr

The first `warmup_steps` steps rise to lr in equal parts, whatever the policy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alextrain.recipes.recipe import Recipe, Schedule

__all__ = ["rate", "rates", "short_warm_up"]


def rates(
    recipe: Recipe, step: int, steps_per_epoch: int, history: Sequence[float] = ()
) -> dict[str, float]:
    """Return the rate of one step for each part of the net that optimiser.py keeps apart.

    Args:
        recipe: Gives lr, the schedule and the epochs.
        step: Steps done before this one, from 0, over the whole run.
        steps_per_epoch: Steps that an epoch has.
        history: The validation error after each epoch done; only "plateau" looks at it.

    Returns:
        Rates of "weights" and "biases", and of "conv1 weights" and "conv1 biases"; 0: it rests.
    """
    schedule, optimiser = recipe.schedule, recipe.optimiser
    weights = rate(recipe, step, steps_per_epoch, history)
    stays = schedule.bias_rate == "stays"
    biases = optimiser.bias_lr * (optimiser.lr if stays else weights)
    late = _conv1(schedule, step // steps_per_epoch)
    return {
        "weights": weights,
        "biases": biases,
        "conv1 weights": weights * late,
        "conv1 biases": biases * (math.ceil(late) if stays else late),
    }


def rate(recipe: Recipe, step: int, steps_per_epoch: int, history: Sequence[float] = ()) -> float:
    """Return the rate of one step for weights; the arguments are those of `rates`."""
    schedule, lr = recipe.schedule, recipe.optimiser.lr
    if step < schedule.warmup_steps:
        return lr * (step + 1) / schedule.warmup_steps
    if schedule.policy == "constant":
        return lr
    if schedule.policy in ("plateau", "milestones", "step"):
        return lr * schedule.factor ** _drops(schedule, step, steps_per_epoch, history)
    total = recipe.epochs * steps_per_epoch - schedule.warmup_steps
    return lr * _course(schedule, step - schedule.warmup_steps, total)


def short_warm_up(recipe: Recipe, samples: int) -> list[str]:
    """Say so where half of a run or more is its warm-up; else nothing.

    Args:
        recipe: Its batches, epochs and warm-up.
        samples: Of an epoch.
    """
    warm_up = recipe.schedule.warmup_steps
    steps = recipe.epochs * math.ceil(samples / recipe.batch_size)
    if not warm_up or 2 * warm_up < steps:
        return []
    sentence = (
        f"the rate rises for {warm_up:,} steps and the whole run has {steps:,}: "
        f"--set warmup_steps={max(1, steps // 20)} suits it better, or more --epochs"
    )
    return [sentence]


def _conv1(schedule: Schedule, epoch: int) -> float:
    """Return what conv1 has of the others' rate in an epoch."""
    if schedule.conv1_freeze and epoch >= schedule.conv1_freeze:
        return 0.0
    return schedule.factor if schedule.conv1_drop and epoch >= schedule.conv1_drop else 1.0


def _drops(schedule: Schedule, step: int, steps_per_epoch: int, history: Sequence[float]) -> int:
    if schedule.policy == "plateau":
        return min(_plateaus(history, schedule.patience), schedule.drops)
    if schedule.policy == "step":
        return step // (schedule.every * steps_per_epoch)
    return sum(step >= epochs * steps_per_epoch for epochs in schedule.milestones)


def _plateaus(history: Sequence[float], patience: int) -> int:
    """Count how often `patience` epochs in a row brought no error below the best one."""
    best, waited, count = math.inf, 0, 0
    for error in history:
        waited += 1
        if error < best:
            best, waited = error, 0
        elif waited == patience:
            count, waited = count + 1, 0
    return count


def _course(schedule: Schedule, step: int, total: int) -> float:
    """Return the share of lr that a step of `total` has, where the policy runs over all of them."""
    step = min(step, max(total - 1, 0))  # steps beyond the end go on as the last one
    total = max(total, 1)
    if schedule.policy == "dexp":
        level = max(0, -(-step * schedule.levels // total) - 1)
        return math.pow(schedule.fall, -level / (schedule.levels - 1))
    if schedule.policy == "polynomial":
        return math.pow(1 - step / total, schedule.power)
    if schedule.policy == "one-cycle":
        return _one_cycle(step, total, schedule.peak)
    assert schedule.policy == "cosine", schedule.policy
    return _half_cosine(1.0, 0.0, step / total)


def _one_cycle(step: int, total: int, peak: float) -> float:
    low, top = 1 / 25, peak * total - 1
    if step <= top:
        return _half_cosine(low, 1.0, step / top if top else 1.0)
    return _half_cosine(1.0, low / 1e4, (step - top) / (total - 1 - top))


def _half_cosine(first: float, last: float, done: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * done)) / 2
