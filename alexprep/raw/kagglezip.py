"""Kaggle's download as it comes: one zip with ILSVRC/Data/CLS-LOC and the CSV files inside."""

from __future__ import annotations

from pathlib import Path

from alexprep.errors import ImageError, RawError
from alexprep.raw.folders import misfit, stem
from alexprep.raw.names import parse_mapping
from alexprep.raw.place import titled
from alexprep.raw.source import (
    Container,
    RawSet,
    Source,
    describe,
    ignored,
    read_source,
    some,
    sort_sources,
)
from alexprep.raw.truth import KAGGLE, parse_kaggle

NAME = "zip"
MAPPING = "LOC_synset_mapping.txt"
_AROUND = "ILSVRC"
_IMAGES = (_AROUND, "Data", "CLS-LOC")


class KaggleMembers:
    """The members of such a zip, sorted as they come."""

    def __init__(self, path: Path | str, container: Container) -> None:
        self.path = path
        self.container = container
        self.train: list[Source] = []
        self.val: list[tuple[str, int, int]] = []  # name, offset, size; flat
        self.sorted_val: list[Source] = []  # where someone put val into class folders
        self.elsewhere: list[str] = []
        self.tests = 0  # images without labels
        self._lists: dict[str, Source] = {}
        self._classes: dict[str, str] = {}  # one string for each class name

    @property
    def found(self) -> bool:
        """Whether the zip is Kaggle's."""
        return bool(self.train or self.val or self.sorted_val)

    def take(self, parts: tuple[str, ...], offset: int, size: int) -> bool:
        """Take a member by the parts of its name; tell whether it belongs to such a set."""
        if len(parts) > 1 and parts[0] != _AROUND and parts[1] in (_AROUND, KAGGLE, MAPPING):
            parts = parts[1:]  # one folder around it all
        if parts and parts[0] in (KAGGLE, MAPPING) and len(parts) == 1:
            self._lists[parts[0]] = Source("", parts[0], size, self.container, offset)
            return True
        if not parts or parts[0] != _AROUND:
            return False
        inner = parts[len(_IMAGES) :] if parts[: len(_IMAGES)] == _IMAGES else ()
        if inner and not any(map(ignored, inner)):
            self._image(inner, offset, size)
        return True  # what lies beside the images, annotations above all, is of no use here

    def _image(self, inner: tuple[str, ...], offset: int, size: int) -> None:
        if inner[0] in ("train", "val") and len(inner) > 2:
            class_name = self._classes.setdefault(inner[1], inner[1])
            source = Source(class_name, "/".join(inner), size, self.container, offset)
            (self.train if inner[0] == "train" else self.sorted_val).append(source)
        elif inner[0] == "val" and len(inner) == 2:
            self.val.append((inner[1], offset, size))
        elif inner[0] == "test":
            self.tests += 1
        else:
            self.elsewhere.append("/".join(inner))

    def raw_set(self) -> RawSet:
        """Return what the zip holds, named as the unpacked folders would be.

        Raises:
            RawError: a list in it is damaged, or a name occurs twice.
        """
        raw = RawSet(NAME, self.path, {}, words=self._words(), release="ILSVRC2012")
        if self.train:
            raw.splits["train"] = sort_sources(self.train)
        raw.found.append(describe("train", self.train))
        if self.sorted_val:
            raw.splits["val"] = sort_sources(self.sorted_val)
            raw.found.append(describe("val", self.sorted_val))
            self.elsewhere += [f"val/{name}" for name, _, _ in self.val]
        elif self.val:
            self._add_val(raw)
        if self.tests:
            files = "file" if self.tests == 1 else "files"
            raw.found.append(f"test: {self.tests:,} {files} not read: nothing says what they show")
        if self.elsewhere:
            raw.found.append(f"not read: {some(self.elsewhere)}")
        return raw

    def _words(self) -> dict[str, str]:
        if MAPPING not in self._lists:
            return {}
        return parse_mapping(*self._list(MAPPING))

    def _list(self, name: str) -> tuple[bytes, str]:
        """Return the content of a list in the zip, and what messages call it."""
        title = f"{titled(self.path)}: {name}"
        try:
            return read_source(self._lists[name]), title
        except ImageError as error:
            raise RawError(f"{title}: {error}; download it again") from error

    def _add_val(self, raw: RawSet) -> None:
        classes = {}
        if KAGGLE in self._lists:
            classes = parse_kaggle(*self._list(KAGGLE))
        reason = misfit([name for name, _, _ in self.val], classes)
        if reason:
            raw.unusable["val"] = f"{titled(self.path)}: val {reason}"
            return
        sources = []
        for name, offset, size in self.val:
            class_name = classes[stem(name)]
            below = f"val/{class_name}/{name}"
            sources.append(Source(class_name, below, size, self.container, offset))
        raw.splits["val"] = sort_sources(sources)
        raw.found.append(f"{describe('val', sources)}, in one folder")
