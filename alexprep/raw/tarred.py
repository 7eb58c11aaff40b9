"""A plain tar of class folders: train/<class>/*, val/<class>/*, read in place."""

from __future__ import annotations

from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw.containers import Archive
from alexprep.raw.layout import Layout, Place
from alexprep.raw.names import FILES, with_names
from alexprep.raw.source import (
    SPLITS,
    RawSet,
    Source,
    clean_path,
    describe,
    ignored,
    not_read,
    some,
    sort_sources,
    split_of,
)
from alexprep.raw.tarwalk import walk

NAME = "tar"


def open_tar(place: Place) -> RawSet:
    """List a tar of class folders; a leading "./" or one folder around it all may be there.

    Where a folder is given, it holds one archive, and names of the classes beside it are used.

    Raises:
        RawError: no tar archive, cut short, or without train/<class>/<image>.
    """
    if not place.path.is_dir():
        return _list(place.path)
    tars = _tars(place)
    if len(tars) != 1:
        holds = some(tars) if tars else "none"
        raise RawError(f"{place.path}: expected one .tar in it, found {holds}; give the file")
    raw = with_names(_list(place.path / tars[0]), [place.path])
    raw.found.extend(place.beside(*tars, *FILES))
    return raw


def _tars(place: Place) -> list[str]:
    return [name for name in place.files if name.endswith(".tar")]


LAYOUT = Layout(
    NAME,
    "a .tar of train/<class>/<image> and val/<class>/<image>, or a folder with one such",
    lambda place: place.path.is_file() or len(_tars(place)) == 1,
    open_tar,
)


def _list(path: Path) -> RawSet:
    listing = _Listing(path)
    for name, offset, size in walk(path):
        listing.add(clean_path(name), offset, size)
    splits = {split: sort_sources(found) for split, found in listing.splits.items() if found}
    if not splits:
        raise RawError(f"{path}: {listing.complaint()}")
    if len(listing.tops) > 1:
        raise RawError(
            f"{path}: holds train or val in more than one folder ({some(listing.tops)}); "
            "make an archive of one of them"
        )
    return RawSet(NAME, path, splits, found=listing.lines())


class _Listing:
    """The members of one archive, sorted into splits as they come."""

    def __init__(self, path: Path) -> None:
        self.container = Archive(str(path))
        self.splits: dict[str, list[Source]] = {split: [] for split in SPLITS}
        self.loose: dict[str, list[str]] = {split: [] for split in SPLITS}
        self.elsewhere: list[str] = []
        self.tops: set[str] = set()  # the folder around train and val; "." for none
        self._classes: dict[str, str] = {}  # one string for each class name

    def add(self, parts: tuple[str, ...], offset: int, size: int) -> None:
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

    def lines(self) -> list[str]:
        found = [describe(split, sources) for split, sources in self.splits.items() if sources]
        found += [not_read(split, names) for split, names in self.loose.items() if names]
        if self.elsewhere:
            found.append(f"not read: {some(self.elsewhere)}")
        return found

    def complaint(self) -> str:
        """Say what the archive holds instead of train/<class>/<image>."""
        expected = "expected train/<class>/<image>, and val/<class>/<image> if there are such"
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
