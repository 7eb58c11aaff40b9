"""Other labels for the same images: several, or none, for each, as ImageNet-ReaL has them.

A JSON list of lists of class numbers, in the order of the images' names. ReaL's real.json has
50,000 lists (Beyer et al. 2020, "Are we done with ImageNet?"): a guess is right if it is in the
image's list, and an image with an empty list is not counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alextrain.errors import LabelsError

_NUMBERED = re.compile(r"ILSVRC2012_val_(\d{8})")


@dataclass(frozen=True)
class Relabelled:
    """Errors against other labels."""

    labels: str  # the file
    images: int  # counted
    unlabelled: int  # images whose list is empty
    top1_wrong: int  # images whose first guess is not in their list
    top5_wrong: int  # images none of whose first guesses is in their list

    def to_dict(self) -> dict[str, Any]:
        """Return counts and errors as plain values."""
        errors = {"top1_error": self.top1_wrong / self.images}
        return asdict(self) | errors | {"top5_error": self.top5_wrong / self.images}

    def sentence(self) -> str:
        """Say the result with its labels."""
        found = self.to_dict()
        return (
            f"against {self.labels}: top-1 error {found['top1_error']:.2%}, "
            f"top-5 error {found['top5_error']:.2%} ({self.images:,} images; "
            f"{self.unlabelled:,} without a label are not counted)"
        )


def read_labels(path: Path, keys: Sequence[str], label_order: str, classes: int) -> list[list[int]]:
    """Read other labels and bring them into the order of the samples.

    Args:
        path: The JSON file.
        keys: Of the n samples; the part behind the last "/" is the image's name. ImageNet's own
            names carry their place, so there images may be missing; other sets must be whole.
        label_order: Of the shards' classes; the file counts classes in sorted order ("wnid").
        classes: How many there are.

    Returns:
        For each sample its labels.

    Raises:
        LabelsError: the file is no such list, or does not fit the images or their classes.
    """
    lists = _lists(path, classes)
    if label_order != "wnid":
        raise LabelsError(
            f"{path}: counts classes in the order of their sorted names, and these shards in the "
            f"order {label_order!r}; make shards with --label-order wnid and train on them"
        )
    return [lists[place] for place in _places(path, keys, len(lists))]


def judge(path: Path, labels: Sequence[Sequence[int]], guesses: NDArray[np.int64]) -> Relabelled:
    """Count wrong answers against other labels.

    Args:
        path: Where they come from.
        labels: For each of n samples.
        guesses: [n, k], the likeliest first.

    Raises:
        LabelsError: not one image has a label.
    """
    counted = [(set(own), row) for own, row in zip(labels, guesses.tolist(), strict=True) if own]
    if not counted:
        raise LabelsError(f"{path}: gives no label to any of these images; choose another file")
    return Relabelled(
        labels=path.name,
        images=len(counted),
        unlabelled=len(labels) - len(counted),
        top1_wrong=sum(row[0] not in own for own, row in counted),
        top5_wrong=sum(own.isdisjoint(row) for own, row in counted),
    )


def _lists(path: Path, classes: int) -> list[list[int]]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise LabelsError(f"{path}: cannot be read ({error.strerror}); check --labels") from error
    except (ValueError, RecursionError) as error:
        raise LabelsError(f"{path}: is no JSON ({error}); give a list of lists") from error
    if not isinstance(found, list):
        raise LabelsError(f"{path}: holds no list; give a JSON list of lists of class numbers")
    for place, own in enumerate(found):
        if not isinstance(own, list) or not all(
            type(label) is int and 0 <= label < classes for label in own
        ):
            raise LabelsError(
                f"{path}: entry {place} is {json.dumps(own)[:60]}, and should be a list of class "
                f"numbers 0 to {classes - 1}; is the file for other classes?"
            )
    return found


def _places(path: Path, keys: Sequence[str], entries: int) -> list[int]:
    """Return for each sample its place in the file."""
    names = [key.rpartition("/")[2] for key in keys]
    numbered = [_NUMBERED.fullmatch(name) for name in names]
    if all(numbered):
        places = [int(match[1]) - 1 for match in numbered if match]
        if min(places) < 0 or max(places) >= entries:
            raise LabelsError(
                f"{path}: has {entries:,} entries and the images are numbered {min(places) + 1:,} "
                f"to {max(places) + 1:,}; give a file with an entry for each"
            )
        return places
    if len(names) != entries:
        raise LabelsError(
            f"{path}: has {entries:,} entries and the split {len(names):,} images; give a file "
            "with an entry for each image, in the order of their names"
        )
    if len(set(names)) != len(names):
        raise LabelsError(
            f"{path}: cannot be matched, because several images of the split have the same name in "
            "different classes; prepare the images under names of their own"
        )
    ranks = np.empty(len(names), np.int64)
    ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return [int(rank) for rank in ranks]
