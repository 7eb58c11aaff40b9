"""The members of an archive of class folders: train/<class>/*, val/<class>/*."""

from __future__ import annotations

from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw.place import titled
from alexprep.raw.source import (
    SPLITS,
    Container,
    RawSet,
    Source,
    describe,
    ignored,
    not_read,
    some,
    sort_sources,
    split_of,
)


class Members:
    """The members of one archive, sorted into splits as they come."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.splits: dict[str, list[Source]] = {split: [] for split in SPLITS}
        self.loose: dict[str, list[str]] = {split: [] for split in SPLITS}
        self.elsewhere: list[str] = []
        self.tops: set[str] = set()  # the folder around train and val; "." for none
        self._classes: dict[str, str] = {}  # one string for each class name

    def add(self, parts: tuple[str, ...], offset: int, size: int) -> None:
        """Take a member by the parts of its name."""
        if not parts or any(map(ignored, parts)):
            return
        top = 0 if split_of(parts[0]) else 1
        split = split_of(parts[top]) if len(parts) > top + 1 else None
        if split is None:
            self.elsewhere.append("/".join(parts))
            return
        if len(parts) == top + 2:
            self.loose[split].append(parts[-1])
            return
        self.tops.add(parts[0] if top else ".")
        class_name = self._classes.setdefault(parts[top + 1], parts[top + 1])
        name = "/".join((split, *parts[top + 1 :]))
        self.splits[split].append(Source(class_name, name, size, self.container, offset))

    def names(self) -> list[str]:
        """Return the names of all members that were taken."""
        loose = [name for names in self.loose.values() for name in names]
        images = [source.name for sources in self.splits.values() for source in sources]
        return [*self.elsewhere, *loose, *images]

    def raw_set(self, layout: str, path: Path | str) -> RawSet:
        """Return what the archive holds.

        Raises:
            RawError: no train/<class>/<image>, in several folders, or a name twice.
        """
        splits = {split: sort_sources(found) for split, found in self.splits.items() if found}
        if not splits:
            raise RawError(f"{titled(path)}: {self._complaint()}")
        if len(self.tops) > 1:
            raise RawError(
                f"{titled(path)}: holds train or val in more than one folder ({some(self.tops)}); "
                "make an archive of one of them"
            )
        return RawSet(layout, path, splits, found=self._lines())

    def _lines(self) -> list[str]:
        found = [describe(split, sources) for split, sources in self.splits.items() if sources]
        found += [not_read(split, names) for split, names in self.loose.items() if names]
        if self.elsewhere:
            found.append(f"not read: {some(self.elsewhere)}")
        return found

    def _complaint(self) -> str:
        """Say what the archive holds instead of train/<class>/<image>."""
        expected = (
            "expected train/<class>/<image>, and val/<class>/<image> if there are such; "
            "docs/raw.md lists the other forms"
        )
        inner = [name for name in self.elsewhere if name.endswith(".tar")]
        if inner:
            return (
                f"holds archives ({some(inner)}) as ILSVRC2012_img_train.tar does; give the "
                "folder that holds it under that name"
            )
        deep = next(
            (name for name in self.elsewhere if set(name.split("/")[2:-2]) & set(SPLITS)), ""
        )
        if deep:
            return f"holds train or val too deep ({some([deep])}); {expected}"
        rest = [*self.elsewhere, *(name for names in self.loose.values() for name in names)]
        return f"holds {some(rest) if rest else 'no file'}; {expected}"
