"""Say when a network does not learn, and what to do about it."""

from __future__ import annotations

import math
from collections import deque

WINDOW = 100  # steps over which the loss is averaged
PATIENCE = 300  # steps before a network is called stuck
MARGIN = 0.01  # a mean loss above 0.99 ln(classes) is that of guessing, or worse


class StuckAlarm:
    """Watches the loss of each step; speaks once when it stays where guessing puts it, or above.

    Guessing among C classes costs ln(C): 6.9078 for 1,000, 2.3026 for 10.

    Args:
        classes: Number of classes.
        normalise: The recipe's input scale, named in the advice.
        init: How its weights began.
    """

    def __init__(self, classes: int, normalise: str, init: str = "paper") -> None:
        self.guessing = math.log(classes)
        # he and torch fit any scale
        small = {"mean-std": "mean/std-normalised", "unit": "scaled to 0..1"}
        self._too_small = "" if init in ("he", "torch") else small.get(normalise, "")
        self._heard: deque[tuple[int, float]] = deque()  # of the last WINDOW steps
        self._first: int | None = None  # the first step heard of, in this process
        self._stuck = False

    def hear(self, step: int, loss: float) -> str | None:
        """Take the loss of a step; return a sentence when there is something to say.

        Not every step has to be told: on a GPU one in twenty is.
        """
        self._first = step if self._first is None else self._first
        self._heard.append((step, loss))
        while self._heard[0][0] <= step - WINDOW:
            self._heard.popleft()
        if step < PATIENCE or step - self._first < WINDOW - 1:
            return None
        mean = math.fsum(loss for _, loss in self._heard) / len(self._heard)
        stuck = mean >= (1 - MARGIN) * self.guessing
        if stuck == self._stuck:
            return None
        self._stuck = stuck
        return self._advice(step, mean) if stuck else f"step {step}: the network has begun to learn"

    def _advice(self, step: int, mean: float) -> str:
        scale = (
            f"The input is {self._too_small}, which with the paper's initialisation leaves too "
            "small a signal: use normalise = mean-image, or init = he"
            if self._too_small
            else "Try --init he, a smaller --lr, or another --seed (of the paper's recipe some "
            "seeds never start)"
        )
        found = f"stuck at {mean:.3f}, where guessing among the classes puts it"
        if mean > (1 + MARGIN) * self.guessing:
            found = f"{mean:.3f} still, worse than guessing among the classes"
        return f"step {step}: the loss is {found} (ln(classes) = {self.guessing:.3f}). {scale}"
