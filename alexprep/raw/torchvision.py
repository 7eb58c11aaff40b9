"""Layout torchvision:NAME: a set as torchvision keeps it on the disk.

Some of these sets are arrays, not files. Their images are read as PPM files would be that hold
them: a line and the levels, so that size and hash depend on the pixels alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import RawError
from alexprep.raw import torchvision_sets
from alexprep.raw.folders import open_folders
from alexprep.raw.layout import Layout, Place
from alexprep.raw.numbered import number_folders, own_order
from alexprep.raw.source import RawSet, Source, describe, sort_sources

NAME = "torchvision"
_SPLITS = {"train": torchvision_sets.TRAIN, "val": torchvision_sets.TEST}
KNOWN = (*torchvision_sets.ARRAYS, *torchvision_sets.TREES)


@dataclass(frozen=True)
class Pictures:
    """The images of one split of a set, a container; a source's place is its number there."""

    name: str
    root: str
    split: str  # as torchvision calls it

    def read(self, source: Source) -> bytes:
        """Return the image as a PPM file; the set is read once and kept."""
        return _ppm(torchvision_sets.load(self.name, self.root, self.split).images[source.place])

    def where(self, _source: Source) -> str:
        """Return the folder of the set."""
        return self.root

    def identity(self) -> str:
        """Return what changes when the content does: each file has the MD5 of its name."""
        return f"torchvision {self.name} {self.split}"

    def room(self, count: int) -> int:
        """Return how many bytes so many of its images take."""
        return count * len(_ppm(torchvision_sets.load(self.name, self.root, self.split).images[0]))

    def stream(self, places: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Yield number and PPM file of each image."""
        images = torchvision_sets.load(self.name, self.root, self.split).images
        for place in sorted(places):
            yield place, _ppm(images[place])


def known(name: str) -> str:
    """Return the name of a set that can be read.

    Raises:
        RawError: it is none of them.
    """
    if name not in KNOWN:
        near = {other.lower(): other for other in KNOWN}.get(name.lower().replace("-", ""))
        hint = f"; did you mean {near}?" if near else ""
        raise RawError(
            f"torchvision:{name}: is none of the sets that are read, {', '.join(KNOWN)}{hint}"
        )
    return name


def open_torchvision(place: Place) -> RawSet:
    """List a set of torchvision's; the argument of the layout is its name there.

    Its test set becomes val, as everybody reports on it; `found` says so.

    Raises:
        RawError: the set is unknown, a file is missing or has another MD5 than torchvision's list.
    """
    name = known(place.argument)
    if name in torchvision_sets.TREES:
        return _tree(place, name)
    splits: dict[str, list[Source]] = {}
    found = []
    classes: tuple[str, ...] = ()
    folders: dict[int, str] = {}
    words: dict[str, str] = {}
    for split, theirs in _SPLITS.items():
        arrays = torchvision_sets.load(name, str(place.path), theirs)
        classes = arrays.classes
        folders, words = number_folders(range(len(classes)), classes)
        container = Pictures(name, str(place.path), theirs)
        size = len(_ppm(arrays.images[0]))
        width = len(str(len(arrays.labels) - 1))
        splits[split] = sort_sources(
            Source(
                folders[label],
                f"{split}/{folders[label]}/{theirs}-{number:0{width}d}.ppm",
                size,
                container,
                number,
            )
            for number, label in enumerate(arrays.labels.tolist())
        )
        found.append(describe(split, splits[split]))
    found.append(
        f"every file has the MD5 of torchvision's list; val is what it calls {_SPLITS['val']}"
    )
    return RawSet(
        f"{NAME}:{name}",
        place.path,
        splits,
        words,
        own_order=own_order(folders[label] for label in range(len(classes))),
        found=found,
    )


def bring(name: str, folder: Path) -> RawSet:
    """Let torchvision download a set into a folder, check it, and list it.

    Raises:
        RawError: the set is unknown, or cannot be downloaded whole.
    """
    torchvision_sets.download(known(name), folder)
    return open_torchvision(Place.at(folder, name))


LAYOUT = Layout(
    NAME,
    f"a set as torchvision keeps it: --layout torchvision:NAME, one of {', '.join(KNOWN)}",
    lambda _place: False,  # the name of the set has to be said
    open_torchvision,
)


def _tree(place: Place, name: str) -> RawSet:
    folder = torchvision_sets.class_tree(name, str(place.path))
    return replace(open_folders(Place.at(folder)), layout=f"{NAME}:{name}")


def _ppm(image: NDArray[np.uint8]) -> bytes:
    """Return an image [height, width, 3] as a PPM file (P6)."""
    height, width, _ = image.shape
    return b"P6\n%d %d\n255\n" % (width, height) + image.tobytes()
