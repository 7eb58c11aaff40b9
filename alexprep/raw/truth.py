"""What the images of a flat folder show: the devkit's ground truth, Kaggle's or Caffe's list."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw.devkit import find_devkit, parse_numbers
from alexprep.raw.names import find_synsets
from alexprep.raw.numbered import is_number
from alexprep.raw.source import shown, some

KAGGLE = "LOC_val_solution.csv"
CAFFE = "val.txt"
TEST_2010 = "ILSVRC2010_test_ground_truth.txt"
FILES = (KAGGLE, CAFFE, TEST_2010)
EXPECTED = f"the devkit, {KAGGLE} or Caffe's {CAFFE}"

Truth = dict[str, str]  # name of the image without its extension -> class


def find_truth(folders: Sequence[Path], split: str, trained: Callable[[], set[str]]) -> Truth:
    """Return the class of each image of a flat split; nothing where no file says so.

    All files that are there have to agree.

    Args:
        folders: Where they may lie.
        split: "val", or "test" (of ILSVRC2010).
        trained: Gives the classes of the train split, for lists with numbers.

    Raises:
        RawError: a file is damaged, or two of them give one image different classes.
    """
    truths = [truth for folder in folders for truth in _in_folder(folder, folders, split, trained)]
    for path, truth in truths[1:]:
        _check_same(*truths[0], path, truth)
    return truths[0][1] if truths else {}


def _in_folder(
    folder: Path, folders: Sequence[Path], split: str, trained: Callable[[], set[str]]
) -> list[tuple[Path, Truth]]:
    found = []
    devkit = find_devkit(folder)
    if devkit is not None and split == "val":
        found.append(
            (devkit.where, _numbered(devkit.release.name, split, devkit.validation_wnids()))
        )
    if devkit is not None and split == "test" and (path := folder / TEST_2010).is_file():
        wnids = devkit.wnids(parse_numbers(path.read_bytes(), folder, TEST_2010), TEST_2010)
        found.append((path, _numbered(devkit.release.name, split, wnids)))
    if split == "val" and (path := folder / KAGGLE).is_file():
        found.append((path, read_kaggle(path)))
    if split == "val" and (path := folder / CAFFE).is_file():
        found.append((path, read_caffe(path, find_synsets(folders) or sorted(trained()))))
    return found


def _numbered(release: str, split: str, wnids: Sequence[str]) -> Truth:
    return {f"{release}_{split}_{i:08d}": wnid for i, wnid in enumerate(wnids, 1)}


def _check_same(path: Path, truth: Truth, other: Path, theirs: Truth) -> None:
    for name in truth:
        if theirs.get(name, truth[name]) != truth[name]:
            raise RawError(
                f"{path} says {truth[name]} of {shown(name)}, and {other} says {theirs[name]}; "
                "remove the one that is wrong"
            )


def read_kaggle(path: Path) -> Truth:
    """Read lines "ImageId,wnid x y x y wnid ...": the first wnid is the class.

    Raises:
        RawError: it is something else.
    """
    try:
        return parse_kaggle(path.read_bytes(), str(path))
    except OSError as error:
        raise RawError(f"{path}: cannot be read ({error.strerror})") from error


def parse_kaggle(data: bytes, path: str) -> Truth:
    """Read the content of such a file; `path` is for messages.

    Raises:
        RawError: it is something else.
    """
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RawError(f"{path}: cannot be read as text ({error})") from error
    if not rows or rows[0] != ["ImageId", "PredictionString"]:
        raise RawError(f"{path}: does not begin with ImageId,PredictionString; download it again")
    truth = {}
    for number, row in enumerate(rows[1:], 2):
        if len(row) != 2 or not row[1].split():
            raise RawError(f"{path}: line {number} is not ImageId,<wnid> ...; download it again")
        truth[row[0]] = row[1].split()[0]
    return truth


def read_caffe(path: Path, classes: Sequence[str]) -> Truth:
    """Read lines "name number"; the number counts `classes` from 0.

    Raises:
        RawError: it is something else, or its numbers do not fit the classes.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RawError(f"{path}: cannot be read as text ({error})") from error
    numbers: dict[str, int] = {}
    for at, line in enumerate(lines, 1):
        name, _, number = line.strip().rpartition(" ")
        if not line.strip():
            continue
        if not name or not is_number(number):
            raise RawError(f"{path}: line {at} is not a name and a number: {shown(line)[:60]!r}")
        numbers[name.rpartition("/")[2].rpartition(".")[0] or name] = int(number)
    highest = max(numbers.values(), default=-1)
    if highest + 1 != len(classes):
        raise RawError(
            f"{path}: numbers classes from 0 to {highest:,}, but there are {len(classes):,} "
            f"({some(classes) if classes else 'no train folder'}); put the synsets.txt or "
            "synset_words.txt that belongs to it beside it"
        )
    return {name: classes[number] for name, number in numbers.items()}
