"""One network ready to answer: how pictures are prepared for it, and what its outputs mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexprep.settings import PrepSettings
from alextrain.device import Machine
from alextrain.errors import CheckpointError
from alextrain.network import Network
from alextrain.predict import Predictor
from alextrain.serve.batching import Forward

ENGINES = ("auto", "torch", "onnx")


@dataclass(frozen=True)
class Served:
    """A network in use by a server, whatever computes it."""

    source: str  # the file, for messages
    engine: str  # what computes it, for people
    settings: PrepSettings  # how pictures become squares
    classes: list[str]  # [output] -> class folder or wnid
    words: list[str]  # [output] -> a name for people
    forward: Forward  # uint8 [n, S, S, 3] -> probabilities float32 [n, classes]

    @property
    def size(self) -> int:
        """Side of the squares."""
        return self.settings.size

    def check(self, count: int) -> None:
        """Answer some pictures once: the first answers cost more than later ones.

        Args:
            count: How many, together.

        Raises:
            CheckpointError: the answers are no probabilities.
        """
        answers = self.forward(np.zeros((count, self.size, self.size, 3), np.uint8))
        whole = answers.shape == (count, len(self.classes)) and np.isfinite(answers).all()
        if not whole or not np.allclose(answers.sum(1), 1, atol=1e-2):
            raise CheckpointError(
                f"{self.source}: answers no probabilities (float32 [{count}, "
                f"{len(self.classes)}], rows that add up to 1); it is not served"
            )


Loader = Callable[[Path], Served]


def load_served(path: Path, machine: Machine) -> Served:
    """Make a network ready to answer.

    Args:
        path: A checkpoint.
        machine: Device and precision.

    Raises:
        CheckpointError: it cannot be read.
    """
    network = Network.load(path, machine)
    predictor = Predictor(network)
    return Served(
        source=str(path),
        engine=f"torch, {machine.describe()}",
        settings=network.settings,
        classes=network.classes,
        words=network.words,
        forward=predictor.probabilities,
    )
