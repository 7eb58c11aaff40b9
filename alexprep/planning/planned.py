"""The samples of a split and of a shard, made when they are asked for.

ImageNet has 1.28 million: as objects of their own with their keys they would take 230 bytes each
beside their sources, so only what cannot be had from the source is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar, overload

from alexprep.raw.source import Source, within_class
from alexprep.shards.sample import make_keys

Item = TypeVar("Item")


class Planned(NamedTuple):
    """One sample to be: its key in the shard, its label, and where its image comes from."""

    key: str
    label: int
    source: Source


class SplitSamples:
    """All samples of a split, in order of their sources' names."""

    def __init__(self, sources: Sequence[Source], classes: Sequence[str]) -> None:
        self._sources = sources
        self._labels: Mapping[str, int] = {name: label for label, name in enumerate(classes)}
        self._keys: dict[int, str] = {}  # of those whose key is not that of their source's name
        folders = set()
        start = 0
        # Sorted names share the prefix split/class/, so each class is one run.
        for class_name, run in groupby(sources, key=attrgetter("class_name")):
            members = list(run)
            keys = make_keys(class_name, list(map(within_class, members)))
            for place, (key, source) in enumerate(zip(keys, members, strict=True), start):
                if key != _plain_key(source):
                    self._keys[place] = key
            assert len(set(keys)) == len(keys), "keys are not unique"
            folders.add(keys[0].partition("/")[0])
            start += len(members)
        assert len(folders) == len({source.class_name for source in sources}), "folders are not"

    def __len__(self) -> int:
        return len(self._sources)

    def at(self, place: int) -> Planned:
        """Return one sample."""
        source = self._sources[place]
        key = self._keys.get(place) or _plain_key(source)
        return Planned(key, self._labels[source.class_name], source)


class Samples(Sequence[Planned], Generic[Item]):
    """The samples of one shard. It is sent to another process as a plain tuple of its own.

    Args:
        items: What stands for each of them.
        make: Makes a sample of an item, each time that it is asked for.
    """

    def __init__(self, items: Sequence[Item], make: Callable[[Item], Planned]) -> None:
        self._items = items
        self._make = make

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, place: int) -> Planned: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Planned, ...]: ...

    def __getitem__(self, place: int | slice) -> Planned | tuple[Planned, ...]:
        if isinstance(place, slice):
            return tuple(map(self._make, self._items[place]))
        return self._make(self._items[place])

    def __iter__(self) -> Iterator[Planned]:
        return map(self._make, self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __reduce__(self) -> tuple[type[tuple[Planned, ...]], tuple[tuple[Planned, ...]]]:
        return tuple, (tuple(self),)


def _plain_key(source: Source) -> str:
    """Return class/stem as it stands in the name, which is the key of nearly all images."""
    _, _, below = source.name.partition("/")
    return below.rpartition(".")[0]
