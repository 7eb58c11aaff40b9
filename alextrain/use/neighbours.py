"""The rows of a file of features that are nearest to a picture: exact, by torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexprep.errors import ImageError
from alextrain.errors import FeaturesError
from alextrain.use.features import Features, features_of, load_features, network_digest
from alextrain.use.network import Network
from alextrain.use.pictures import Picture
from alextrain.use.upright import upright_square

ROWS = 16_384  # of the features that are copied and compared at a time


class Neighbour(NamedTuple):
    """One row that is near."""

    key: str
    name: str  # of its class
    words: str
    distance: float  # Euclidean, of the layer's outputs
    row: int


class Neighbours:
    """Looks pictures up among features of the same network.

    Args:
        network: It makes the features of the pictures.
        path: What `alextrain features` wrote with this network.

    Raises:
        FeaturesError: missing, damaged, or made by another network.
    """

    def __init__(self, network: Network, path: Path) -> None:
        self.network, self.path = network, path
        self.known: Features = load_features(path)
        if self.known.about["network"] != network_digest(network):
            raise FeaturesError(
                f"{path}: was made by another network than {network.source}; make it anew with "
                f"`alextrain features {network.source} SHARDS --out {path}`"
            )

    def of(self, picture: Picture, count: int, *, exif: bool = True) -> list[Neighbour]:
        """Return the nearest rows of one picture, the nearest first.

        Raises:
            ImageError: names the picture and why it is none.
            FeaturesError: the rows are not as long as those of the network.
        """
        try:
            square, _ = upright_square(picture.read(), self.network.settings, exif=exif)
        except ImageError as error:
            raise ImageError(f"{picture.name}: {error}") from error
        images = torch.tensor(square[None], device=self.network.machine.device)
        query = features_of(self.network, images, self.known.about["layer"])
        if query.shape[1] != self.known.features.shape[1]:
            raise FeaturesError(
                f"{self.path}: has rows of {self.known.features.shape[1]:,} numbers, this network "
                f"gives {query.shape[1]:,}; make it again with `alextrain features`"
            )
        distances, rows = nearest(self.known.features, query, count)
        return self._named(distances[0].tolist(), rows[0].tolist())

    def _named(self, distances: Sequence[float], rows: Sequence[int]) -> list[Neighbour]:
        known, about = self.known, self.known.about
        return [
            Neighbour(
                key=known.keys[row],
                name=about["classes"][known.labels[row]],
                words=about["words"][known.labels[row]],
                distance=distance,
                row=row,
            )
            for distance, row in zip(distances, rows, strict=True)
        ]


def nearest(known: NDArray[np.float32], queries: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the Euclidean distances and numbers of the nearest rows, the nearest first.

    Differences are squared and summed one by one: the usual trick of a matrix product loses the
    small distances, which are the ones that are asked for.

    Args:
        known: [n, d].
        queries: float32 [q, d].
        count: How many; all where there are fewer rows.

    Returns:
        float32 [q, k] and int64 [q, k] on the queries' device.
    """
    best = queries.new_empty((len(queries), 0))
    rows = torch.empty((len(queries), 0), dtype=torch.int64, device=queries.device)
    for start in range(0, len(known), ROWS):
        part = torch.tensor(known[start : start + ROWS], device=queries.device)
        distances = torch.cdist(queries, part, compute_mode="donot_use_mm_for_euclid_dist")
        numbers = torch.arange(start, start + len(part), device=queries.device)
        best = torch.cat((best, distances), 1)
        rows = torch.cat((rows, numbers.expand(len(queries), -1)), 1)
        best, chosen = best.topk(min(count, best.shape[1]), dim=1, largest=False)
        rows = rows.gather(1, chosen)
    return best, rows
