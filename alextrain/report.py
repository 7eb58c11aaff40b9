"""Evaluate a checkpoint on shards and draw what it gets right and wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from alexprep.shards.reader import ShardReader
from alextrain.augment import Augmenter
from alextrain.checkpoint import load_checkpoint, load_weights
from alextrain.data.decode import decode_into
from alextrain.data.loader import Loader
from alextrain.device import Machine
from alextrain.evaluation import Evaluation, Subset, evaluate
from alextrain.figures import draw_confusion, draw_kernels, draw_mistakes
from alextrain.models import build_model
from alextrain.snapshot import Colours, check_same_classes, recipe_of

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

    def surest_mistakes(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return positions [k], truths [k], guesses [k, 5] and probabilities [k, 5]."""
        truths, best = torch.cat(self._truths), torch.cat(self._best)
        names = torch.cat(self._names)
        wrong = (names[:, 0] != truths).nonzero()[:, 0]
        chosen = wrong[best[wrong, 0].argsort(descending=True, stable=True)][:MISTAKES]
        return chosen, truths[chosen], names[chosen], best[chosen]


def evaluate_checkpoint(
    checkpoint: Path,
    shards: Path,
    machine: Machine,
    *,
    split: str,
    views: int,
    workers: int | None = None,
    figures: Path | None = None,
    on_images: Callable[[int, int], None] | None = None,
) -> tuple[Evaluation, list[Path]]:
    """Measure a checkpoint's errors on a split of shards.

    Returns:
        The result, and the pictures drawn (none without `figures`).

    Raises:
        CheckpointError: damaged, or of other classes or another image size than the shards.
        ShardError: shards missing, changed, or without this split.
    """
    content = load_checkpoint(checkpoint)
    reader = ShardReader(shards, split)
    check_same_classes(content, reader.manifest, str(checkpoint))
    recipe = recipe_of(content)
    model = build_model(recipe.network, len(content["classes"]), recipe.input.crop)
    load_weights(model, content["model"], str(checkpoint))
    model.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    augmenter = Augmenter.of(recipe.input, Colours.from_dict(content["statistics"]), machine.device)
    answers, done = Answers(len(content["classes"])), 0

    def on_batch(probabilities: Tensor, labels: Tensor) -> None:
        nonlocal done
        done += len(labels)
        if figures is not None:
            answers.hear(probabilities, labels)
        if on_images is not None:
            on_images(done, len(reader))

    loader = Loader(reader, BATCH, threads=workers, pin=machine.device.type == "cuda")
    try:
        result = evaluate(
            model,
            Subset(split, loader, np.arange(len(reader))),
            augmenter,
            machine,
            views=views,
            on_batch=on_batch,
        )
    finally:
        loader.close()
    if figures is None:
        return result, []
    return result, draw(figures, answers, content["words"], model, reader)


def draw(
    folder: Path, answers: Answers, words: list[str], model: torch.nn.Module, reader: ShardReader
) -> list[Path]:
    """Draw confusion matrix, surest mistakes and first-layer kernels; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("confusion.png", "kernels.png", "mistakes.png")]
    draw_confusion(paths[0], answers.matrix(), words)
    first = model.get_submodule("features.conv1")
    conv2 = model.get_submodule("features.conv2")
    draw_kernels(paths[1], first.get_parameter("weight").detach().cpu().numpy(), conv2.groups)
    positions, truths, guesses, probabilities = answers.surest_mistakes()
    if not len(positions):
        return paths[:2]
    images = np.empty((len(positions), reader.size, reader.size, 3), np.uint8)
    for image, position in zip(images, positions.tolist(), strict=True):
        decode_into(reader.read(position), image)
    draw_mistakes(paths[2], images, truths.numpy(), guesses.numpy(), probabilities.numpy(), words)
    return paths
