"""Who hears of a run, and what he may ask of it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Protocol

from alextrain.training.loop import StepResult


class Wish(IntEnum):
    """What is to happen after a step. Of several processes the strongest wish counts."""

    GO_ON = 0
    SAVE = 1
    STOP = 2  # after saving


class Listener(Protocol):
    """Who shows a run to a person; the library itself prints nothing."""

    def note(self, text: str) -> None:
        """Hear something that the user should know."""

    def epoch_begins(self, epoch: int, samples: int, seen: int) -> None:
        """Hear that an epoch begins, or goes on after `seen` samples."""

    def step(self, result: StepResult, shown: dict[str, float] | None) -> None:
        """Hear of a step; `shown` holds figures whenever they were fetched from the device."""

    def epoch_ends(self, values: dict[str, Any]) -> None:
        """Hear that an epoch was trained and validated."""

    def wish(self) -> Wish:
        """Tell whether the user asked to save or to stop; asked between steps."""
