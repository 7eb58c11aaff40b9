"""The rate of each step, as a pure function: nothing to save, nothing to restore.

plateau   the rate drops when the validation error has not improved for `patience` epochs, `drops`
          times at most (paper, section 5: by ten, three times)
steps     the rate drops once `milestones` epochs are done
cosine    half a cosine from lr down towards 0 at the last step
constant  lr

The first `warmup_steps` steps rise to lr in equal parts, whatever the policy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alextrain.recipe import Recipe

__all__ = ["rate"]


def rate(recipe: Recipe, step: int, steps_per_epoch: int, history: Sequence[float] = ()) -> float:
    """Return the rate of one step.

    Args:
        recipe: gives lr, the schedule and, for the cosine, the epochs.
        step: steps done before this one, from 0, over the whole run.
        steps_per_epoch: steps that an epoch has.
        history: the validation error after each epoch done; only "plateau" looks at it.
    """
    schedule, lr = recipe.schedule, recipe.optimiser.lr
    if step < schedule.warmup_steps:
        return lr * (step + 1) / schedule.warmup_steps
    if schedule.policy == "cosine":
        total = recipe.epochs * steps_per_epoch - schedule.warmup_steps
        done = min((step - schedule.warmup_steps) / total, 1 - 1 / total) if total > 1 else 0.0
        return lr * (1 + math.cos(math.pi * done)) / 2
    if schedule.policy == "steps":
        drops = sum(step >= epochs * steps_per_epoch for epochs in schedule.milestones)
    elif schedule.policy == "plateau":
        drops = min(_plateaus(history, schedule.patience), schedule.drops)
    else:
        drops = 0
    return lr * schedule.factor**drops


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
