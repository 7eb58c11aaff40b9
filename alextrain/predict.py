"""A trained network in use: pictures in, classes and probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from alexprep.errors import ImageError
from alexprep.transform import square_array
from alextrain.evaluation import average_views
from alextrain.network import Network


@dataclass(frozen=True)
class Guess:
    """One class that a picture may show."""

    name: str  # the class folder or wnid
    words: str  # for people
    probability: float


class Predictor:
    """Turns pictures into guesses.

    A picture takes the path of the shards: the same decoding, geometry and filter. For a raw file
    predicted here and the same file prepared with --format png the network sees the same levels.
    """

    def __init__(self, network: Network) -> None:
        self.network = network

    def probabilities(self, images: NDArray[np.uint8], views: int = 1) -> NDArray[np.float32]:
        """Return the softmax, averaged over the views.

        Args:
            images: uint8 [n, S, S, 3], levels, prepared as the shards were.
            views: 1, 5 or 10.

        Returns:
            float32 [n, classes].
        """
        with torch.inference_mode():
            stack = torch.tensor(images, device=self.network.machine.device)
            views_ = self.network.augmenter.views(stack, views)
            result: NDArray[np.float32] = (
                average_views(self.network.model, views_, self.network.machine).cpu().numpy()
            )
        return result

    def predict(self, data: bytes, views: int = 1, top: int = 5) -> list[Guess]:
        """Return the most likely classes of one picture, at most `top`.

        Args:
            data: The bytes of an image file.
            views: 1, 5 or 10.
            top: How many classes.

        Raises:
            ImageError: the bytes give no picture; the text is the reason.
        """
        row = self.probabilities(square_array(data, self.network.settings)[None], views)[0]
        best = np.argsort(-row, kind="stable")[:top]
        return [Guess(self.network.classes[i], self.network.words[i], float(row[i])) for i in best]


def predict_files(
    predictor: Predictor, paths: Sequence[Path], views: int = 1
) -> list[tuple[Path, list[Guess] | ImageError]]:
    """Predict each file; a bad one gives its error and the rest goes on."""
    results: list[tuple[Path, list[Guess] | ImageError]] = []
    for path in paths:
        try:
            results.append((path, predictor.predict(path.read_bytes(), views)))
        except ImageError as error:
            results.append((path, error))
        except OSError as error:
            results.append((path, ImageError(f"cannot be read ({error.strerror})")))
    return results
