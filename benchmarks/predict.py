"""Prediction: against what it is made of, and against a loop as tutorials have it.

    python -m benchmarks.predict CHECKPOINT [--images 1000] [--threads 2] [--rounds 5]

The pictures are real originals of about 0.2 million pixels, in memory. Three things are compared:
reading ahead (`Predictor.answer` with a network that does nothing) against the transform alone in
the same threads; the whole against the sum of the transform alone and the network alone; the whole
against one picture after another through PIL, torchvision and the network.
"""

from __future__ import annotations

import argparse
import io
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision import transforms

from alexprep.threads import usable_cores
from alextrain.device import choose_machine
from alextrain.use.network import Network
from alextrain.use.pictures import Picture
from alextrain.use.predict import BATCH, Predictor
from alextrain.use.upright import upright_square
from benchmarks.originals import ORIGINALS, originals
from benchmarks.timing import Row, pairs, report, row


class Idle(Predictor):
    """Answers at once: what is left is reading, decoding and handing over."""

    def probabilities(self, images: NDArray[np.uint8], _: int = 1) -> NDArray[np.float32]:
        """Return the same probability for every class."""
        return np.full((len(images), len(self.classes)), 1 / len(self.classes), np.float32)


def predict(predictor: Predictor, files: list[bytes], threads: int) -> float:
    """Return pictures/s of the whole path."""
    pictures = [Picture(str(i), partial(bytes, data)) for i, data in enumerate(files)]
    start = time.perf_counter()
    answers = list(predictor.answer(pictures, threads=threads))
    assert not any(answer.error for answer in answers)
    return len(files) / (time.perf_counter() - start)


def transform_alone(predictor: Predictor, files: list[bytes], threads: int) -> float:
    """Return pictures/s of bytes -> square, nothing kept, in as many threads."""
    settings = predictor.network.settings

    def work(first: int) -> None:
        for data in files[first::threads]:
            upright_square(data, settings)

    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    return len(files) / (time.perf_counter() - start)


def network_alone(predictor: Predictor, squares: NDArray[np.uint8], count: int) -> float:
    """Return pictures/s of batches that are ready."""
    start = time.perf_counter()
    for first in range(0, count, BATCH):
        predictor.probabilities(squares[: min(BATCH, count - first)])
    return count / (time.perf_counter() - start)


def parts(predictor: Predictor, files: list[bytes], squares: NDArray, threads: int) -> float:
    """Return pictures/s of transform and network one after the other: on a CPU they share cores."""
    prepared = transform_alone(predictor, files, threads)
    return 1 / (1 / prepared + 1 / network_alone(predictor, squares, len(files)))


def like_a_tutorial(predictor: Predictor, files: list[bytes]) -> float:
    """Return pictures/s of one picture after another."""
    size, crop = predictor.network.settings.size, predictor.network.recipe.input.crop
    transform = transforms.Compose(
        [transforms.Resize(size), transforms.CenterCrop(crop), transforms.ToTensor()]
    )
    start = time.perf_counter()
    with torch.no_grad():
        for data in files:
            image = transform(Image.open(io.BytesIO(data)).convert("RGB"))
            predictor.model(image[None]).softmax(1).topk(min(5, len(predictor.classes)))
    return len(files) / (time.perf_counter() - start)


def measure(network: Network, files: list[bytes], threads: int, rounds: int) -> list[Row]:
    """Measure all three."""
    predictor, idle = Predictor(network), Idle(network)
    squares = np.stack([upright_square(data, network.settings)[0] for data in files[:BATCH]])
    predict(predictor, files[:BATCH], threads)
    note = f"{threads} threads"
    ahead = pairs(
        lambda: predict(idle, files, threads),
        lambda: transform_alone(predictor, files, threads),
        rounds,
    )
    whole = pairs(
        lambda: predict(predictor, files, threads),
        lambda: parts(predictor, files, squares, threads),
        rounds,
    )
    tutorial = pairs(
        lambda: predict(predictor, files, threads),
        lambda: like_a_tutorial(predictor, files),
        rounds,
    )
    return [
        row("predict, network idle / transform alone", "images/s", ahead, at_least=0.95, note=note),
        row("predict / transform + network", "images/s", whole, at_least=0.95, note=note),
        row("predict / PIL + torchvision, one by one", "images/s", tutorial, note=note),
    ]


def main() -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description="Measure prediction.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--originals", type=Path, default=ORIGINALS)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=min(16, usable_cores()))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    network = Network.load(options.checkpoint, choose_machine("cpu", "off"))
    files = list(islice(cycle(originals(options.originals).values()), options.images))
    report(measure(network, files, options.threads, options.rounds), options.results)


if __name__ == "__main__":
    main()
