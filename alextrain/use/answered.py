"""What a network answered on a split, as files: each image, each class, all confusions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexprep.files import write_atomically
from alextrain.parquet import parquet_file


@dataclass(frozen=True)
class Answered:
    """The first guesses for n images, in the order of the split."""

    labels: NDArray[np.int64]  # [n]
    guesses: NDArray[np.int64]  # [n, k] classes, the likeliest first; k is 5 or less
    probabilities: NDArray[np.float32]  # [n, k]


def write_predictions(path: Path, answered: Answered, keys: Sequence[str]) -> None:
    """Write a row for each image: key, label, then guess and probability for each rank.

    Labels and guesses are the numbers of the classes. A name that ends in .parquet makes a Parquet
    file, any other one CSV.

    Args:
        path: The file.
        answered: What was answered.
        keys: Of the n images.

    Raises:
        PackageError: Parquet is asked for and pyarrow is not installed.
        DiskError: the disk is full or may not be written.
    """
    columns: dict[str, Any] = {"key": list(keys), "label": answered.labels.astype(np.int32)}
    kinds = [("key", "string", 0), ("label", "int32", 0)]
    for rank in range(answered.guesses.shape[1]):
        guess, probability = f"guess_{rank + 1}", f"probability_{rank + 1}"
        columns[guess] = answered.guesses[:, rank].astype(np.int32)
        columns[probability] = answered.probabilities[:, rank].astype(np.float32)
        kinds += [(guess, "int32", 0), (probability, "float32", 0)]
    if path.suffix == ".parquet":
        with parquet_file(path, kinds, {}) as add:
            add(columns)
        return
    write_csv(path, list(columns), zip(*columns.values(), strict=True))


def write_classes(path: Path, answered: Answered, names: Sequence[str]) -> None:
    """Write CSV with a row for each class: images, wrong answers, errors (empty: no images).

    Args:
        path: The file.
        answered: What was answered.
        names: Of the classes.
    """
    right = answered.guesses == answered.labels[:, None]
    images = np.bincount(answered.labels, minlength=len(names))
    wrong = [
        np.bincount(answered.labels[~hit], minlength=len(names))
        for hit in (right[:, 0], right.any(axis=1))
    ]
    rows = [
        [number, name, count, first, five]
        + [f"{missed / count:.6f}" if count else "" for missed in (first, five)]
        for number, (name, count, first, five) in enumerate(zip(names, images, *wrong, strict=True))
    ]
    header = ["label", "class", "images", "top1_wrong", "top5_wrong", "top1_error", "top5_error"]
    write_csv(path, header, rows)


def write_confusion(path: Path, answered: Answered, names: Sequence[str]) -> None:
    """Write CSV of counts: a row for each true class, a column for each first guess."""
    count = len(names)
    pairs = answered.labels * count + answered.guesses[:, 0]
    matrix = np.bincount(pairs, minlength=count**2).reshape(count, count)
    rows = ([name, *line] for name, line in zip(names, matrix.tolist(), strict=True))
    write_csv(path, ["truth \\ guess", *names], rows)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a table that appears under its name once it is whole."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_atomically(path, buffer.getvalue().encode())
