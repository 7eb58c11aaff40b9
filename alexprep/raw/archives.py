"""The official archives, read in place: a tar of one tar for each class, and flat tars of images.

Which class the images of a flat tar show stands in a ground truth: one number a line, in order of
the images' names, which is not their order in the archive.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import RawError
from alexprep.raw.containers import Archive
from alexprep.raw.source import Source, clean_path, ignored, shown, some, sort_sources
from alexprep.raw.tarwalk import walk


class Truth(NamedTuple):
    """The class of each image of a split, in order of the images' names."""

    where: Path  # the file or devkit that says so
    wnids: Sequence[str]


def list_train(path: Path) -> tuple[list[Source], tuple[str, ...]]:
    """Return the sources of a tar of tars by name, and the classes whose archive is empty.

    Raises:
        RawError: it is cut short, or holds something else.
    """
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


def list_flat(path: Path, split: str, truth: Truth) -> list[Source]:
    """Return the sources of a flat tar, named as in class folders, by name.

    Raises:
        RawError: it is cut short, or has not one image for each line of the ground truth.
    """
    images = sorted(
        (parts[-1], offset, size)
        for name, offset, size in walk(path)
        if (parts := clean_path(name)) and not any(map(ignored, parts))
    )
    if len(images) != len(truth.wnids) or not images:
        first = f", from {shown(images[0][0])}" if images else ""
        raise RawError(
            f"{path}: holds {len(images):,} images{first}, but the ground truth in {truth.where} "
            f"has {len(truth.wnids):,} lines; use the archive and the devkit of one download"
        )
    container = Archive(str(path))
    return sort_sources(
        Source(wnid, f"{split}/{wnid}/{name}", size, container, offset)
        for wnid, (name, offset, size) in zip(truth.wnids, images, strict=True)
    )
