"""A plain tar of class folders: train/<class>/*, val/<class>/*, read in place."""

from __future__ import annotations

from pathlib import Path

from alexprep.errors import RawError
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
)
from alexprep.raw.tarwalk import walk

LAYOUT = "tar"


def open_tar(path: Path) -> RawSet:
    """List a tar of class folders; a leading "./" or one folder around it all may be there.

    Raises:
        RawError: no tar archive, cut short, or without train/<class>/<image>.
    """
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
    return RawSet(LAYOUT, path, splits, found=listing.lines())


class _Listing:
    """The members of one archive, sorted into splits as they come."""

    def __init__(self, path: Path) -> None:
        self.container = str(path)
        self.splits: dict[str, list[Source]] = {split: [] for split in SPLITS}
        self.loose: dict[str, list[str]] = {split: [] for split in SPLITS}
        self.elsewhere: list[str] = []
        self.tops: set[str] = set()  # the folder around train and val; "." for none
        self._classes: dict[str, str] = {}  # one string for each class name

    def add(self, parts: tuple[str, ...], offset: int, size: int) -> None:
        if not parts or any(map(ignored, parts)):
            return
        top = 0 if parts[0] in SPLITS else 1
        if len(parts) < top + 2 or parts[top] not in SPLITS:
            self.elsewhere.append("/".join(parts))
            return
        split = parts[top]
        if len(parts) == top + 2:
            self.loose[split].append(parts[-1])
            return
        self.tops.add(parts[0] if top else ".")
        class_name = self._classes.setdefault(parts[top + 1], parts[top + 1])
        name = "/".join(parts[top:])
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
