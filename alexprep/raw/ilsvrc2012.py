"""The official archives of ILSVRC2012, in one folder, as downloaded; read in place."""

from __future__ import annotations

from alexprep.errors import RawError
from alexprep.raw.archives import Truth, list_flat, list_train
from alexprep.raw.devkit import ARCHIVE, FOLDER, ILSVRC2012, find_devkit
from alexprep.raw.layout import Layout, Place
from alexprep.raw.names import FILES, with_names
from alexprep.raw.source import RawSet, Source, describe

NAME = "ilsvrc2012"
TRAIN = "ILSVRC2012_img_train.tar"
VAL = "ILSVRC2012_img_val.tar"


def open_ilsvrc2012(place: Place) -> RawSet:
    """List the official archives in a folder; one of the two is enough, val needs the devkit.

    What is wrong with one archive (cut short, not what its name says, another number of images
    than the ground truth has) stands in `unusable`: the other can be used without it.

    Sources are named as in unpacked class folders: "val/n01751748/ILSVRC2012_val_00000001.JPEG".

    Raises:
        RawError: neither archive is there, or the devkit is damaged.
    """
    root = place.path
    if root.name in (TRAIN, VAL) and root.is_file():
        raise RawError(f"{root}: one of the official archives; give the folder: {root.parent}")
    if not {TRAIN, VAL} & set(place.files):
        raise RawError(f"{root}: expected {TRAIN} and {VAL} in it; download them into one folder")
    devkit = find_devkit(root, [ILSVRC2012])
    splits: dict[str, list[Source]] = {}
    unusable: dict[str, str] = {}
    empty: tuple[str, ...] = ()
    if TRAIN in place.files:
        try:
            splits["train"], empty = list_train(root / TRAIN)
        except RawError as error:
            unusable["train"] = str(error)
    if VAL in place.files and devkit is None:
        unusable["val"] = (
            f"{root / VAL}: the classes of its images stand in the development kit, which is "
            f"missing; put {ARCHIVE} (or the folder {FOLDER} made of it) into {root}"
        )
    elif VAL in place.files and devkit is not None:
        try:
            truth = Truth(devkit.where, devkit.validation_wnids())
            splits["val"] = list_flat(root / VAL, "val", truth)
        except RawError as error:
            unusable["val"] = str(error)
    found = [
        describe(split, splits[split]) if split in splits else f"{split}: no {archive}"
        for split, archive in (("train", TRAIN), ("val", VAL))
        if split not in unusable
    ]
    found += [] if devkit else [f"no {ARCHIVE}: the classes have no words"]
    found += place.beside(TRAIN, VAL, *FILES)
    raw = RawSet(NAME, root, splits, found=found, empty=empty, unusable=unusable)
    return with_names(raw, [root], [ILSVRC2012])


LAYOUT = Layout(
    NAME,
    f"a folder with {TRAIN}, {VAL} and the devkit",
    lambda place: bool({TRAIN, VAL} & {place.path.name, *place.files}),
    open_ilsvrc2012,
)
