"""Class folders: RAW/train/<class>/*, RAW/val/<class>/*, RAW/test/<class>/*.

The images of val (and test) may lie flat where a ground truth says what they show; and there may
be class folders alone, without folders for splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw import truth
from alexprep.raw.classfolders import list_split
from alexprep.raw.containers import Folder, Unreadable
from alexprep.raw.layout import Layout, Place
from alexprep.raw.names import FILES, with_names
from alexprep.raw.source import (
    SPLITS,
    RawSet,
    Source,
    describe,
    not_read,
    some,
    sort_sources,
    split_of,
)

NAME = "imagefolder"
WITHOUT_SPLITS = "no folder of a split: its folders are taken for classes, all of them for training"


def open_folders(place: Place) -> RawSet:
    """List class folders. Links to files and folders are followed, folders in a class too.

    Every file in a class is listed but what systems leave behind (see `ignored`), whatever its
    extension.

    Raises:
        RawError: no split holds a class folder with a file in it, a split's folder cannot be
            read, two folders are the same split, or a ground truth is damaged.
    """
    folders = split_folders(place)
    read = [*folders.values(), *FILES, *truth.FILES]
    if folders:
        raw = list_splits(place, [place.path])
    else:
        raw = _without_splits(place)
        read += place.folders
    raw.found.extend(place.beside(*read))
    return with_names(raw, [place.path])


def list_splits(place: Place, beside: Sequence[Path], layout: str = NAME) -> RawSet:
    """List the folders of splits in `place`; ground truths may lie in the folders `beside`.

    Raises:
        RawError: see `open_folders`.
    """
    raw = RawSet(layout, place.path, {})
    empty: list[str] = []
    for split, folder in split_folders(place).items():
        listed = list_split(place.path / folder, split)
        empty += listed.empty
        if not listed.sources and len(listed.loose) > 0 and split != "train":
            _flat(raw, split, listed.loose, place.path / folder, beside)
        else:
            raw.found.append(describe(split, listed.sources))
            raw.found.extend([not_read(split, listed.loose)] if listed.loose else [])
            raw.splits.update({split: sort_sources(listed.sources)} if listed.sources else {})
    if not raw.splits and not raw.unusable:
        raise RawError(
            f"{place.path}: no class folder with a file in it ({'; '.join(raw.found)}); "
            "expected train/<class>/<image>, and val/<class>/<image> if there are such; "
            "docs/raw.md lists the other forms"
        )
    return RawSet(
        layout,
        place.path,
        raw.splits,
        found=raw.found,
        empty=tuple(sorted(empty)),
        unusable=raw.unusable,
    )


def _flat(
    raw: RawSet, split: str, names: Sequence[str], folder: Path, beside: Sequence[Path]
) -> None:
    """Add a split whose images lie beside each other, with the classes that a file gives them."""

    def trained() -> set[str]:
        return {source.class_name for source in raw.splits.get("train", ())}

    try:
        classes = truth.find_truth(beside, split, trained)
    except RawError as error:
        raw.unusable[split] = str(error)
        return
    if not classes and split == "test":
        raw.found.append(f"{not_read(split, names)}: nothing says what they show")
        return
    reason = misfit(names, classes)
    if reason:
        raw.unusable[split] = f"{folder}: {reason}"
        return
    container = Folder(str(folder), cut=2)
    sources = []
    for name in names:
        class_name = classes[stem(name)]
        below = f"{split}/{class_name}/{name}"
        try:
            sources.append(Source(class_name, below, (folder / name).stat().st_size, container))
        except OSError as error:
            bad = Unreadable(str(folder / name), f"cannot be read: {error.strerror}")
            sources.append(Source(class_name, below, 0, bad))
    raw.splits[split] = sort_sources(sources)
    raw.found.append(f"{describe(split, sources)}, in one folder")


def misfit(names: Sequence[str], classes: truth.Truth) -> str:
    """Say why a ground truth does not fit the images; nothing where it does."""
    if not classes:
        return (
            f"holds {len(names):,} files and no class folder, and nothing says what they show; "
            f"put {truth.EXPECTED} into the raw folder"
        )
    strangers = [name for name in names if stem(name) not in classes]
    if strangers:
        return (
            f"holds {some(strangers)}, which the ground truth does not name; remove what is no "
            "image of it, or use the ground truth of this set"
        )
    if len(names) != len(classes):
        return (
            f"holds {len(names):,} images where the ground truth has {len(classes):,}; unpack it "
            "again, or use the ground truth of this set"
        )
    return ""


def stem(name: str) -> str:
    """Return a file's name without its extension, as ground truths have it."""
    return name.rpartition(".")[0] or name


def _without_splits(place: Place) -> RawSet:
    listed = list_split(place.path, "train", passed_over=FILES)
    if not listed.sources:
        raise RawError(
            f"{place.path}: no class folder with a file in it; expected train/<class>/<image>, or "
            "<class>/<image>"
        )
    found = [WITHOUT_SPLITS, describe("train", listed.sources)]
    splits = {"train": sort_sources(listed.sources)}
    return RawSet(NAME, place.path, splits, found=found, empty=tuple(sorted(listed.empty)))


def _recognises(place: Place) -> bool:
    """Tell class folders; without folders of splits, all have to be called as ImageNet's are."""
    if any(map(split_of, place.folders)):
        return True
    classes = [name for name in place.folders if name not in FILES]
    if len(classes) < 2 or any(name.endswith(".tar") for name in place.files):
        return False
    inside_a_split = any(map(split_of, place.path.absolute().parts[-2:]))
    return not inside_a_split and all(map(_is_wnid, classes))


def _is_wnid(name: str) -> bool:
    return len(name) == 9 and name[0] == "n" and name[1:].isdigit()


LAYOUT = Layout(
    NAME,
    "a folder with train/<class>/<image> and val/<class>/<image>",
    _recognises,
    open_folders,
)


def split_folders(place: Place) -> dict[str, str]:
    """Return the folder of each split, in the order of SPLITS.

    Raises:
        RawError: two folders are the same split.
    """
    found: dict[str, str] = {}
    for split in SPLITS:
        names = [name for name in place.folders if split_of(name) == split]
        if len(names) > 1:
            raise RawError(
                f"{place.path}: {' and '.join(names)} are one split, {split}; rename one of them"
            )
        if names:
            found[split] = names[0]
    return found
