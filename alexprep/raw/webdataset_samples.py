"""Samples of WebDataset tars: an image, and a label beside it under the same key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import attrgetter
from pathlib import PurePosixPath
from typing import NamedTuple

from alexprep.errors import RawError
from alexprep.raw.containers import Archive
from alexprep.raw.place import open_place, titled
from alexprep.raw.sidecars import IMAGES, LABELS, MAX_LABEL, Label, read_label
from alexprep.raw.source import clean_path, ignored, shown, split_of
from alexprep.raw.tarwalk import walk

_LOOK = 16  # members looked at to recognise the layout


class Member(NamedTuple):
    """A file of a sample, by its name."""

    folder: str  # of the key; "" for none
    stem: str
    extension: str
    offset: int
    size: int

    @property
    def key(self) -> str:
        """Return what the files of a sample have in common."""
        return f"{self.folder}/{self.stem}" if self.folder else self.stem


class Sample(NamedTuple):
    """An image with its label."""

    tar: str  # its name without extension
    image: Member
    label: Label
    container: Archive


def holds_samples(tar: str) -> bool:
    """Tell whether the first members of a tar are samples.

    Raises:
        RawError: it is no tar.
    """
    members = islice(_members(tar), _LOOK)
    kinds: dict[str, set[str]] = {}
    for member in members:
        if split_of(member.folder.split("/")[0]) is None:
            kinds.setdefault(member.key, set()).add(member.extension)
    return any(found & set(IMAGES) and found & set(LABELS) for found in kinds.values())


def labelled(tar: str) -> tuple[list[Sample], int]:
    """Return the samples of one tar in its order, and how many images have no label.

    Raises:
        RawError: as for `read_samples`.
    """
    listed: list[Sample] = []
    without = read_samples(tar, listed)
    return listed, without


def read_samples(tar: str, listed: list[Sample]) -> int:
    """Add the samples of one tar; return how many images have no label.

    Raises:
        RawError: the tar is cut or damaged, what should be a label is none, or two samples that
            follow each other have one key.
    """
    container = Archive(tar)
    without = 0
    with open_place(tar) as opened:
        for _, run in groupby(_members(tar), key=attrgetter("key")):
            members = _by_extension(tar, run)
            image = _first(members, IMAGES)
            if image is None:
                continue
            beside = _first(members, LABELS)
            label = None if beside is None else _label(tar, beside, opened.read)
            if label is None or label == -1:
                without += 1
            else:
                listed.append(Sample(PurePosixPath(tar).stem, image, label, container))
    return without


def _members(tar: str) -> Iterator[Member]:
    for name, offset, size in walk(tar):
        parts = clean_path(name)
        if parts and not any(map(ignored, parts)):
            stem, _, extension = parts[-1].partition(".")
            yield Member("/".join(parts[:-1]), stem, extension.lower(), offset, size)


def _by_extension(tar: str, run: Iterable[Member]) -> dict[str, Member]:
    """Return the members of one key; what does not concern us may be there twice."""
    members: dict[str, Member] = {}
    for member in run:
        if members.setdefault(member.extension, member) is not member and (
            member.extension in IMAGES + LABELS
        ):
            raise RawError(
                f"{titled(tar)}: holds {shown(member.key)}.{member.extension} twice, one after the "
                "other; write the tar again with a key of its own for each sample"
            )
    return members


def _first(members: dict[str, Member], extensions: Sequence[str]) -> Member | None:
    return next((members[name] for name in extensions if name in members), None)


def _label(tar: str, member: Member, read: Callable[[int, int], bytes]) -> Label | None:
    """Return a sample's label; None for an empty one."""
    title = f"{titled(tar)}: {shown(member.key)}.{member.extension}"
    if member.size > MAX_LABEL:
        raise RawError(f"{title} has {member.size:,} bytes, more than a label has")
    return read_label(title, member.extension, read(member.size, member.offset))
