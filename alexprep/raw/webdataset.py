"""WebDataset tars that others made: an image, and a label beside it under the same key.

Labels are numbers or texts, in a member .cls, .json or .txt. The names of classes are found where
the keys tell them: in a folder (n01440764/...) or a wnid in front (n01440764_10026).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw.layout import Layout, Place
from alexprep.raw.numbered import class_folders, number_folders, own_order, split_in_name
from alexprep.raw.sidecars import IMAGES, LABELS, Label
from alexprep.raw.source import (
    RawSet,
    Source,
    describe,
    shown,
    sort_sources,
    split_of,
    unlabelled_images,
)
from alexprep.raw.webdataset_samples import Member, Sample, holds_samples, read_samples

NAME = "webdataset"
_WNID = re.compile(r"(n\d{8})_")


def open_webdataset(place: Place) -> RawSet:
    """List the samples of WebDataset tars; labels are read, images are not.

    The split stands in the names of the tars; without one it is train. Samples without a label
    (or with -1) are counted, not listed.

    Raises:
        RawError: a tar is cut or damaged, no sample has an image and a label, or labels are not
            all numbers or all texts.
    """
    return list_webdataset(place.path, list(map(str, _tars(place.path))))


def list_webdataset(root: Path | str, tars: Sequence[str]) -> RawSet:
    """List the samples of tars, by their paths or URLs.

    Raises:
        RawError: as for `open_webdataset`.
    """
    found: dict[str, list[Sample]] = {}
    unlabelled: dict[str, int] = {}
    for tar in tars:
        split = split_in_name(tar.rpartition("/")[2]) or "train"
        listed = found.setdefault(split, [])
        unlabelled[split] = unlabelled.get(split, 0) + read_samples(tar, listed)
    samples = [sample for listed in found.values() for sample in listed]
    if not samples:
        raise RawError(
            f"{root}: no sample with an image (.{', .'.join(IMAGES[:4])}) and a label "
            f"(.{', .'.join(LABELS)}) under one key"
        )
    classes, order = _classes(samples, root)
    splits = {
        split: sort_sources(_sources(split, listed, classes))
        for split, listed in found.items()
        if listed
    }
    lines = [describe(split, sources) for split, sources in splits.items()]
    lines += [unlabelled_images(split, count) for split, count in unlabelled.items() if count]
    return RawSet(NAME, root, splits, own_order=order, found=lines)


def recognises(place: Place) -> bool:
    """Tell whether the first members of the first tar are samples."""
    tars = [tar for tar in _tars(place.path) if tar.suffix == ".tar"]
    try:
        return bool(tars) and holds_samples(str(tars[0]))
    except RawError:
        return False


LAYOUT = Layout(
    NAME,
    "WebDataset tars, train-*.tar, with an image and its label under each key",
    recognises,
    open_webdataset,
)


def _tars(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.glob("*.tar"))


def _classes(samples: list[Sample], path: Path | str) -> tuple[dict[Label, str], tuple[str, ...]]:
    """Return label -> class, and the classes in order of their numbers, if they have such."""
    numbers = sorted({sample.label for sample in samples if isinstance(sample.label, int)})
    texts = sorted({sample.label for sample in samples if isinstance(sample.label, str)})
    if numbers and texts:
        raise RawError(
            f"{path}: some labels are numbers ({numbers[0]}), others texts ({shown(texts[0])}); "
            "expected one kind"
        )
    if texts:
        return class_folders(texts, str(path)), ()
    if numbers[0] < 0:
        raise RawError(f"{path}: a label is {numbers[0]}; expected numbers from 0 on")
    folders = (
        _told_by(samples, lambda member: member.folder.rpartition("/")[2])
        or _told_by(samples, lambda member: match[1] if (match := _WNID.match(member.stem)) else "")
        or number_folders(numbers, None)[0]
    )
    return folders, own_order(folders[number] for number in numbers)


def _told_by(samples: list[Sample], name_of: Callable[[Member], str]) -> dict[Label, str] | None:
    """Return label -> name where each label has one name, and no other label has it too."""
    told: dict[Label, str] = {}
    for sample in samples:
        name = name_of(sample.image)
        if name and told.setdefault(sample.label, name) != name:
            return None
    labels = {sample.label for sample in samples}
    same = told.keys() == labels and len(set(told.values())) == len(labels)
    return told if same and not any(split_of(name) for name in told.values()) else None


def _sources(split: str, samples: list[Sample], classes: dict[Label, str]) -> Iterator[Source]:
    folders = [classes[sample.label] for sample in samples]
    for naming in (_by_stem, _by_key, _by_tar):
        names = list(map(naming, samples))
        if len(set(zip(folders, names, strict=True))) == len(names):
            break
    for sample, folder, name in zip(samples, folders, names, strict=True):
        member = sample.image
        path = f"{split}/{folder}/{name}.{member.extension}"
        yield Source(folder, path, member.size, sample.container, member.offset)


def _by_stem(sample: Sample) -> str:
    return sample.image.stem


def _by_key(sample: Sample) -> str:
    return sample.image.key


def _by_tar(sample: Sample) -> str:
    return f"{sample.tar}/{sample.image.key}"
