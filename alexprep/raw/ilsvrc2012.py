"""The official archives of ILSVRC2012, in one folder, as downloaded; read in place.

ILSVRC2012_img_train.tar holds one <wnid>.tar for each class, ILSVRC2012_img_val.tar 50,000 images
in no order. Which class they show stands in the development kit: one number a line, in order of
the images' names.
"""

from __future__ import annotations

from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw.containers import Archive
from alexprep.raw.devkit import ARCHIVE, FOLDER, Devkit, find_devkit
from alexprep.raw.layout import Layout, Place
from alexprep.raw.names import FILES, with_names
from alexprep.raw.source import (
    RawSet,
    Source,
    clean_path,
    describe,
    ignored,
    shown,
    some,
    sort_sources,
)
from alexprep.raw.tarwalk import walk

NAME = "ilsvrc2012"
TRAIN = "ILSVRC2012_img_train.tar"
VAL = "ILSVRC2012_img_val.tar"


def open_ilsvrc2012(place: Place) -> RawSet:
    """List the official archives in a folder; one of the two is enough, val needs the devkit.

    Sources are named as in unpacked class folders: "val/n01751748/ILSVRC2012_val_00000001.JPEG".

    Raises:
        RawError: an archive is cut short or not what its name says, the devkit is missing where
            val needs it, or its ground truth does not fit the images.
    """
    root = place.path
    if root.name in (TRAIN, VAL) and root.is_file():
        raise RawError(f"{root}: one of the official archives; give the folder: {root.parent}")
    if not {TRAIN, VAL} & set(place.files):
        raise RawError(f"{root}: expected {TRAIN} and {VAL} in it; download them into one folder")
    devkit = find_devkit(root)
    splits: dict[str, list[Source]] = {}
    found: list[str] = []
    empty: tuple[str, ...] = ()
    if (root / TRAIN).is_file():
        splits["train"], empty = _train(root / TRAIN)
    if (root / VAL).is_file():
        splits["val"] = _val(root / VAL, devkit)
    for split, archive in (("train", TRAIN), ("val", VAL)):
        missing = f"{split}: no {archive}"
        found.append(describe(split, splits[split]) if split in splits else missing)
    found += [] if devkit else [f"no {ARCHIVE}: the classes have no words"]
    found += place.beside(TRAIN, VAL, *FILES)
    raw = RawSet(NAME, root, splits, found=found, empty=empty)
    return with_names(raw, [root])


LAYOUT = Layout(
    NAME,
    f"a folder with {TRAIN}, {VAL} and the devkit",
    lambda place: bool({TRAIN, VAL} & {place.path.name, *place.files}),
    open_ilsvrc2012,
)


def _train(path: Path) -> tuple[list[Source], tuple[str, ...]]:
    """Return the sources by name, and the classes whose archive is empty."""
    # All outer members first: a cut archive shows before a thousand inner ones are walked.
    inner = [
        (clean_path(name)[-1] if name.endswith(".tar") else name, offset, size)
        for name, offset, size in walk(path)
        if not any(map(ignored, clean_path(name)))
    ]
    strange = [name for name, _, _ in inner if not name.endswith(".tar")]
    if strange or not inner:
        raise RawError(
            f"{path}: expected one <wnid>.tar for each class, found "
            f"{some(strange) if strange else 'nothing'}; download it again, or, if you made it "
            "yourself of class folders, make one of train/<class>/ under another name"
        )
    sources: list[Source] = []
    empty = []
    container = Archive(str(path))
    for name, start, size in inner:
        class_name = name.removesuffix(".tar")
        before = len(sources)
        for image, offset, length in walk(path, start, start + size, inside=name):
            parts = clean_path(image)
            if parts and not any(map(ignored, parts)):
                below = "/".join(("train", class_name, *parts))
                sources.append(Source(class_name, below, length, container, offset))
        if len(sources) == before:
            empty.append(f"train/{class_name}")
    if not sources:
        raise RawError(f"{path}: its {len(inner):,} archives hold no file; download it again")
    return sort_sources(sources), tuple(sorted(empty))


def _val(path: Path, devkit: Devkit | None) -> list[Source]:
    if devkit is None:
        raise RawError(
            f"{path}: the classes of its images stand in the development kit, which is missing; "
            f"put {ARCHIVE} (or the folder {FOLDER} made of it) into {path.parent}"
        )
    images = sorted(
        ("/".join(parts), offset, size)
        for name, offset, size in walk(path)
        if (parts := clean_path(name)) and not any(map(ignored, parts))
    )
    wnids = devkit.validation_wnids()
    if len(images) != len(wnids) or not images:
        first = f", from {shown(images[0][0])}" if images else ""
        raise RawError(
            f"{path}: holds {len(images):,} images{first}, but the ground truth in {devkit.where} "
            f"has {len(wnids):,} lines; use the archive and the devkit of one download"
        )
    container = Archive(str(path))
    return sort_sources(
        Source(wnid, f"val/{wnid}/{name}", size, container, offset)
        for wnid, (name, offset, size) in zip(wnids, images, strict=True)
    )
