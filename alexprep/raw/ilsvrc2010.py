"""The official archives of ILSVRC2010, in one folder, as downloaded; read in place.

Its test images have a ground truth too, which was published later, as a file of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw.archives import Truth, list_flat, list_train
from alexprep.raw.devkit import ILSVRC2010, Devkit, find_devkit, parse_numbers
from alexprep.raw.layout import Layout, Place
from alexprep.raw.names import FILES, with_names
from alexprep.raw.source import SPLITS, RawSet, describe

NAME = "ilsvrc2010"
ARCHIVES = {split: f"ILSVRC2010_images_{split}.tar" for split in SPLITS}
TEST_GROUND_TRUTH = "ILSVRC2010_test_ground_truth.txt"


def open_ilsvrc2010(place: Place) -> RawSet:
    """List the official archives in a folder; one is enough, val and test need the devkit.

    What is wrong with one archive stands in `unusable`, as for ILSVRC2012.

    Raises:
        RawError: no archive is there, or the devkit is damaged.
    """
    root = place.path
    if root.is_file():
        raise RawError(f"{root}: one of the official archives; give the folder: {root.parent}")
    there = {split: root / name for split, name in ARCHIVES.items() if name in place.files}
    if not there:
        raise RawError(f"{root}: expected {' or '.join(ARCHIVES.values())} in it; download them")
    devkit = find_devkit(root, [ILSVRC2010])
    raw = RawSet(NAME, root, {})
    for split, archive in there.items():
        try:
            if split == "train":
                raw.splits[split], empty = list_train(archive)
                raw = replace(raw, empty=empty)
            elif (truth := _truth(root, devkit, split)) is None:
                raw.unusable[split] = _missing(root, archive, split, devkit)
            else:
                raw.splits[split] = list_flat(archive, split, truth)
        except RawError as error:
            raw.unusable[split] = str(error)
    for split in (split for split in SPLITS if split not in raw.unusable):
        listed = raw.splits.get(split)
        raw.found.append(describe(split, listed) if listed else f"{split}: no {ARCHIVES[split]}")
    raw.found.extend(place.beside(*ARCHIVES.values(), TEST_GROUND_TRUTH, *FILES))
    return with_names(raw, [root], [ILSVRC2010])


def _truth(root: Path, devkit: Devkit | None, split: str) -> Truth | None:
    if devkit is None:
        return None
    if split == "val":
        return Truth(devkit.where, devkit.validation_wnids())
    path = root / TEST_GROUND_TRUTH
    if not path.is_file():
        return None
    numbers = parse_numbers(path.read_bytes(), root, TEST_GROUND_TRUTH)
    return Truth(path, devkit.wnids(numbers, TEST_GROUND_TRUTH))


def _missing(root: Path, archive: Path, split: str, devkit: Devkit | None) -> str:
    needed = [] if devkit else [ILSVRC2010.archive]
    if split == "test" and not (root / TEST_GROUND_TRUTH).is_file():
        needed.append(TEST_GROUND_TRUTH)
    return (
        f"{archive}: the classes of its images stand in a ground truth, which is missing; "
        f"put {' and '.join(needed)} into {root}"
    )


LAYOUT = Layout(
    NAME,
    f"a folder with {ARCHIVES['train']}, {ARCHIVES['val']}, {ARCHIVES['test']} and the devkit",
    lambda place: bool(set(ARCHIVES.values()) & {place.path.name, *place.files}),
    open_ilsvrc2010,
)
