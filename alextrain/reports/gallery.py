"""Every picture of a trained network: what it sees, what it answers, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alexprep.files import disk_errors, write_atomically
from alexprep.shards.reader import ShardReader
from alextrain.data.loader import Loader, read_pictures
from alextrain.data.views import view_places
from alextrain.figures import draw_gradcam, draw_maps, draw_mistakes, draw_neighbours
from alextrain.reports.report import ABOUT, BARS, Answers, draw, draw_first_layer, evaluate_network
from alextrain.use.features import BATCH, features_of
from alextrain.use.gradcam import grad_cam
from alextrain.use.neighbours import nearest
from alextrain.use.network import Network
from alextrain.use.predict import Predictor

SHOWN = 8  # pictures with bars, and with heat
QUERIES, NEAR = 5, 6  # as in the paper's Figure 4
COMPARED = 10_000  # training images at most that neighbours are looked for among

Progress = Callable[[str, int, int], object]  # what is done, how many are, how many there are


def draw_gallery(
    folder: Path,
    network: Network,
    shards: Path | None = None,
    split: str = "val",
    *,
    workers: int | None = None,
    on_images: Progress = lambda *_: None,
) -> Iterator[Path]:
    """Draw picture after picture and yield where each lies.

    Args:
        folder: Takes the PNG files.
        network: What is looked at.
        shards: Of its classes; None: only its kernels are drawn.
        split: Whose images are shown.
        workers: Threads that decode; None: chosen for the machine.
        on_images: Hears of the progress.

    Raises:
        ShardError, CheckpointError: shards that cannot be read or do not fit the network.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if shards is None:
        draw_first_layer(folder / "kernels.png", network)
        yield folder / "kernels.png"
        return
    reader = ShardReader(shards, split)
    network.check_fits(reader.manifest)
    answers = Answers(len(network.classes))
    evaluate_network(
        network,
        reader,
        views=1,
        workers=workers,
        answers=answers,
        on_images=lambda done, total: on_images(f"evaluating {split}", done, total),
    )
    yield from draw(folder, answers, network, reader)
    said = f"Mistakes and confusion are of all images ({split}), after {Path(network.source).name}."
    write_atomically(folder / ABOUT, said.encode())
    numbers = spread_over_classes(reader.labels, SHOWN)
    yield _bars(folder / "predictions.png", network, reader, numbers)
    yield _heats(folder / "gradcam.png", network, reader, numbers)
    yield _maps(folder / "maps.png", network, reader, numbers[0])
    train = ShardReader(shards, "train" if "train" in reader.manifest.splits else split)
    queries = spread_over_classes(reader.labels, QUERIES)

    def on_features(done: int, total: int) -> None:
        on_images("features of training images", done, total)

    yield _neighbours(
        folder / "neighbours.png", network, (reader, queries), train, workers, on_features
    )


def spread_over_classes(labels: NDArray[np.int32], count: int) -> list[int]:
    """Return the numbers of `count` samples (fewer where there are fewer), of as many classes.

    Always the same ones: the middle sample of each of `count` equal runs of the samples sorted by
    class.
    """
    order = np.argsort(labels, kind="stable")
    count = min(count, len(order))
    places = (2 * np.arange(count) + 1) * len(order) // (2 * count)
    return [int(number) for number in order[places]]


def _seen(network: Network, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the part of the images that the centre view shows."""
    crop = network.recipe.input.crop
    ((top, left, _),) = view_places(images.shape[1], crop, 1)
    return images[:, top : top + crop, left : left + crop]


def _bars(path: Path, network: Network, reader: ShardReader, numbers: list[int]) -> Path:
    images = read_pictures(reader, numbers)
    rows = Predictor(network).probabilities(images)
    guesses = np.argsort(-rows, axis=1, kind="stable")[:, :BARS]
    shares = np.take_along_axis(rows, guesses, axis=1)
    truths = reader.labels[numbers].astype(np.int64)
    draw_mistakes(path, images, truths, guesses.astype(np.int64), shares, network.words)
    return path


def _heats(path: Path, network: Network, reader: ShardReader, numbers: list[int]) -> Path:
    images = read_pictures(reader, numbers)
    rows = Predictor(network).probabilities(images)
    best = rows.argmax(1)
    heats = grad_cam(network, torch.tensor(images, device=network.machine.device)).cpu().numpy()
    draw_gradcam(
        path,
        _seen(network, images),
        heats,
        [network.words[i] for i in best],
        rows.max(1).tolist(),
        [network.words[i] for i in reader.labels[numbers]],
    )
    return path


def _maps(path: Path, network: Network, reader: ShardReader, number: int) -> Path:
    images = read_pictures(reader, [number])
    kept: list[tuple[str, Tensor]] = []
    handles = [
        layer.register_forward_hook(
            lambda _module, _given, output, name=name: kept.append((name, output.clone()))
        )
        for name, layer in network.model.get_submodule("features").named_children()
        if isinstance(layer, nn.ReLU)
    ]
    try:
        Predictor(network).probabilities(images)
    finally:
        for handle in handles:
            handle.remove()
    layers = [(name.replace("relu", "conv"), maps[0].float().cpu().numpy()) for name, maps in kept]
    draw_maps(path, _seen(network, images)[0], network.words[reader.labels[number]], layers)
    return path


def _neighbours(
    path: Path,
    network: Network,
    queries: tuple[ShardReader, list[int]],
    train: ShardReader,
    workers: int | None,
    on_images: Callable[[int, int], object],
) -> Path:
    reader, numbers = queries
    device = network.machine.device
    images = read_pictures(reader, numbers)
    asked = features_of(network, torch.tensor(images, device=device), "fc7")
    every = np.linspace(0, len(train) - 1, min(len(train), COMPARED)).astype(np.int64)
    loader, parts, done = Loader(train, BATCH, threads=workers), [], 0
    try:
        for batch in loader.batches(every):
            parts.append(features_of(network, batch.images.to(device), "fc7").cpu().numpy())
            done += len(batch.labels)
            on_images(done, len(every))
    finally:
        loader.close()
    distances, rows = nearest(np.concatenate(parts), asked, NEAR)
    found = every[rows.cpu().numpy()]
    near = np.stack([read_pictures(train, row.tolist()) for row in found])
    draw_neighbours(
        path,
        (images, reader.labels[numbers].tolist()),
        (near, train.labels[found].astype(np.int64)),
        distances.cpu().numpy(),
        network.words,
        f"left: {reader.split}; right: the nearest of {len(every):,} {train.split} images by fc7, "
        "with their distances; framed: the same class",
    )
    return path
