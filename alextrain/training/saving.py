"""When a run is saved between the ends of its epochs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from alextrain.training.checkpoint import KEEP

SAVE_SECONDS = 600.0  # between checkpoints inside a long epoch


@dataclass(frozen=True)
class Saving:
    """How often a run is saved beside the end of each epoch, and how many checkpoints are kept."""

    steps: int | None = None  # between two checkpoints; None: by time alone
    seconds: float = SAVE_SECONDS
    keep: int = KEEP


USUAL = Saving()


class Saved:
    """When a run was last saved in this epoch."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._time = time.monotonic()

    def is_old(self, saving: Saving, step: int) -> bool:
        """Tell whether a checkpoint is due at `step`."""
        late = time.monotonic() - self._time > saving.seconds
        return late or (saving.steps is not None and step - self._step >= saving.steps)
