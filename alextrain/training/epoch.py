"""What an epoch gave, as it is logged and shown."""

from __future__ import annotations

import math
from typing import Any

from alextrain.errors import DivergedError
from alextrain.training.evaluation import Evaluation
from alextrain.training.metrics import Counts

FIVE = 5  # of so many classes or fewer, every answer is among the first five


def trained_values(trained: Counts, rate: float, seconds: float, classes: int) -> dict[str, Any]:
    """Return what training gave: of a net that moved, with dropout on.

    Args:
        trained: Counts over the epoch, all processes together.
        rate: That the epoch ended with.
        seconds: That it took, validation left out.
        classes: Their number.
    """
    values = {"train_loss": trained.loss, "train_top1_error": trained.top1_error}
    if classes > FIVE:
        values["train_top5_error"] = trained.top5_error
    speed = trained.images / seconds
    return values | {"rate": rate, "seconds": seconds, "images_per_second": speed}


def validated_values(found: Evaluation, classes: int, epoch: int) -> dict[str, Any]:
    """Return what validation gave after `epoch` epochs.

    Raises:
        DivergedError: its loss is no number.
    """
    if not math.isfinite(found.loss):
        raise DivergedError(
            f"the validation loss became {found.loss} after epoch {epoch}; nothing of this epoch "
            "is kept: lower --lr, or use --amp off"
        )
    values: dict[str, Any] = {"split": found.split, "views": found.views, "val_loss": found.loss}
    values["val_top1_error"] = found.top1_error
    if classes > FIVE:
        values["val_top5_error"] = found.top5_error
    return values
