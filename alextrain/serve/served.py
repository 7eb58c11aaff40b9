"""One network ready to answer: how pictures are prepared for it, and what its outputs mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexprep.settings import PrepSettings
from alextrain.errors import CheckpointError, ExportError
from alextrain.serve.batching import Forward

Heat = Callable[[NDArray[np.uint8]], bytes]


@dataclass(frozen=True)
class Served:
    """A network in use by a server, whatever computes it."""

    source: str  # the file, for messages
    engine: str  # what computes it, for people
    settings: PrepSettings  # how pictures become squares
    classes: list[str]  # [output] -> class folder or wnid
    words: list[str]  # [output] -> a name for people
    forward: Forward  # uint8 [n, S, S, 3] -> probabilities float32 [n, classes]
    heat: Heat | None = None  # uint8 [S, S, 3] -> a PNG of where the evidence lies (Grad-CAM)

    @property
    def size(self) -> int:
        """Side of the squares."""
        return self.settings.size

    def check(self, count: int) -> None:
        """Answer some pictures once: the first answers cost more than later ones.

        Args:
            count: How many, together.

        Raises:
            CheckpointError: there are no answers, or they are no probabilities.
        """
        try:
            answers = self.forward(np.zeros((count, self.size, self.size, 3), np.uint8))
        except ExportError as error:
            raise CheckpointError(f"{self.source}: {error}; it is not served") from error
        numbers = isinstance(answers, np.ndarray) and answers.dtype == np.float32
        whole = numbers and answers.shape == (count, len(self.classes))
        if not whole or not np.allclose(answers.sum(1), 1, atol=1e-2):  # nor is NaN
            raise CheckpointError(
                f"{self.source}: answers no probabilities (float32 [{count}, "
                f"{len(self.classes)}], rows that add up to 1); it is not served"
            )


Loader = Callable[[Path], Served]
