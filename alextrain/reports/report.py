"""Evaluate a checkpoint on shards and draw what it gets right and wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexprep.shards.reader import ShardReader
from alextrain.data.loader import Loader, read_pictures
from alextrain.figures import draw_confusion, draw_kernels, draw_mistakes
from alextrain.training.evaluation import Evaluation, Subset, evaluate
from alextrain.use.answered import Answered
from alextrain.use.network import Network

ABOUT = "pictures.txt"  # in a run's figures: a sentence on what mistakes and confusion are of
BATCH = 128
MISTAKES = 8  # shown in the picture
BARS = 5  # classes shown for each


class Answers:
    """Keeps what a network answered: a confusion matrix and its surest mistakes."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.confusion = torch.zeros(classes * classes, dtype=torch.int64)
        self._truths: list[Tensor] = []
        self._best: list[Tensor] = []
        self._names: list[Tensor] = []

    def hear(self, probabilities: Tensor, labels: Tensor) -> None:
        """Take a batch: probabilities [n, classes] and labels [n]."""
        best, names = probabilities.cpu().topk(min(BARS, self.classes), dim=1)
        truths = labels.cpu()
        pairs = truths * self.classes + names[:, 0]
        self.confusion += torch.bincount(pairs, minlength=self.classes**2)
        self._truths.append(truths)
        self._best.append(best)
        self._names.append(names)

    def matrix(self) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        """Return counts [classes, classes]: rows are the truth, columns the first guess."""
        return self.confusion.reshape(self.classes, self.classes).numpy()

    def every(self) -> Answered:
        """Return the first guesses for all images, in the order of the split."""
        parts = (self._truths, self._names, self._best)
        return Answered(*(torch.cat(part).numpy() for part in parts))

    def surest_mistakes(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return positions [k], truths [k], guesses [k, 5] and probabilities [k, 5]."""
        truths, best = torch.cat(self._truths), torch.cat(self._best)
        names = torch.cat(self._names)
        wrong = (names[:, 0] != truths).nonzero()[:, 0]
        chosen = wrong[best[wrong, 0].argsort(descending=True, stable=True)][:MISTAKES]
        return chosen, truths[chosen], names[chosen], best[chosen]


def evaluate_network(
    network: Network,
    reader: ShardReader,
    *,
    views: int,
    numbers: NDArray[np.int64] | None = None,
    workers: int | None = None,
    answers: Answers | None = None,
    on_images: Callable[[int, int], object] | None = None,
) -> Evaluation:
    """Measure a network's errors on a split of shards.

    Args:
        network: It must fit the shards (`Network.check_fits`).
        reader: The split.
        views: 1, 5 or 10.
        numbers: Of the samples to measure on; None: all.
        workers: Threads that decode; None: chosen for the machine.
        answers: Takes what the network answers, where it is wanted.
        on_images: Hears (images done, images in all).
    """
    done = 0
    if numbers is None:
        numbers = np.arange(len(reader))

    def on_batch(probabilities: Tensor, labels: Tensor) -> None:
        nonlocal done
        done += len(labels)
        if answers is not None:
            answers.hear(probabilities, labels)
        if on_images is not None:
            on_images(done, len(numbers))

    machine = network.machine
    loader = Loader(reader, BATCH, threads=workers, pin=machine.device.type == "cuda")
    try:
        subset = Subset(reader.split, loader, numbers)
        return evaluate(
            network.model, subset, network.augmenter, machine, views=views, on_batch=on_batch
        )
    finally:
        loader.close()


def draw(
    folder: Path,
    answers: Answers,
    network: Network,
    reader: ShardReader,
    numbers: NDArray[np.int64] | None = None,
) -> list[Path]:
    """Draw confusion matrix, surest mistakes and first-layer kernels; return their paths.

    Args:
        folder: Takes the PNG files.
        answers: What the network answered.
        network: Whose kernels are drawn.
        reader: The split that it was asked of.
        numbers: Of the samples that it was asked of; None: all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("confusion.png", "kernels.png", "mistakes.png")]
    draw_confusion(paths[0], answers.matrix(), network.words)
    draw_first_layer(paths[1], network)
    positions, truths, guesses, probabilities = answers.surest_mistakes()
    if not len(positions):
        return paths[:2]
    if numbers is not None:
        positions = torch.from_numpy(numbers)[positions]
    images = read_pictures(reader, positions.tolist())
    draw_mistakes(
        paths[2], images, truths.numpy(), guesses.numpy(), probabilities.numpy(), network.words
    )
    return paths


def draw_first_layer(path: Path, network: Network) -> None:
    """Draw the kernels of a network's first layer, its halves apart."""
    kernels = network.model.get_parameter("features.conv1.weight").detach().float().cpu().numpy()
    conv2 = network.model.get_submodule("features.conv2")
    assert isinstance(conv2, torch.nn.Conv2d)
    draw_kernels(path, kernels, conv2.groups)
