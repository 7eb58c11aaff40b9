"""Find out which layout a raw set has, or say which folder or layout looks more like one."""

from __future__ import annotations

import difflib
from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw import (
    behind_url,
    folders,
    ilsvrc2010,
    ilsvrc2012,
    kaggle,
    listfile,
    parquet,
    tarred,
    torchvision,
    webdataset,
    zipped,
)
from alexprep.raw.layout import Layout, Place
from alexprep.raw.source import RawSet, some, split_of

# In this order: the first that recognises RAW is it.
# Class folders win over archives beside them.
LAYOUTS: tuple[Layout, ...] = (
    parquet.LAYOUT,
    kaggle.LAYOUT,
    folders.LAYOUT,
    ilsvrc2012.LAYOUT,
    ilsvrc2010.LAYOUT,
    listfile.LAYOUT,
    zipped.LAYOUT,
    webdataset.LAYOUT,
    tarred.LAYOUT,
    torchvision.LAYOUT,
)
EXPECTED = (
    "a raw set is a folder with train/<class>/<image> and val/<class>/<image>, a .tar of these, "
    f"or a folder with {ilsvrc2012.TRAIN}, {ilsvrc2012.VAL} and the devkit"
)
_DEPTH = 4  # Kaggle's is three folders deep: ILSVRC/Data/CLS-LOC/train
_MAX_FOLDERS = 500  # looked at for a better folder; a class tree holds thousands


def open_raw(path: Path | str, layout: str | None = None, root: Path | None = None) -> RawSet:
    """List a raw set. No image is read, no archive unpacked.

    Args:
        path: RAW, a folder or a file; or the text of a URL.
        layout: Its name, with an argument after a colon where it takes one; None: find out.
        root: Where the paths in a list begin, if not in the list's own folder.

    Raises:
        RawError: missing, empty, one level too deep or too high, unknown, cut short, or not of
            the layout that was named; says what was found and which folder or layout looks right.
    """
    chosen = find_layout(layout) if layout else None
    if isinstance(path, str):
        return behind_url.open_url(path, layout)
    _, _, argument = (layout or "").partition(":")
    if not path.exists():
        raise RawError(f"{path}: {_missing(path)}; {EXPECTED}")
    place = Place.at(path, argument, root)
    if chosen is None:
        return _detect(place).open(place)
    try:
        return chosen.open(place)
    except RawError as error:
        other = recognise(place)
        if other in (None, chosen):
            raise
        raise RawError(f"{error}; it looks like --layout {other.name} ({other.what})") from error


def recognise(place: Place) -> Layout | None:
    """Return the layout that a raw set certainly has, None where there is none such."""
    return next((layout for layout in LAYOUTS if layout.recognises(place)), None)


def find_layout(name: str) -> Layout:
    """Return the layout of a name, which may have an argument after a colon.

    Raises:
        RawError: there is none of that name.
    """
    name = name.partition(":")[0]
    known = {layout.name: layout for layout in LAYOUTS}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; {near[0]} is near" if near else ""
        raise RawError(f"layout {name!r} is unknown; choose of {', '.join(known)}{hint}")
    return known[name]


def _detect(place: Place) -> Layout:
    layout = recognise(place)
    if layout is None:
        raise RawError(f"{place.path}: {_unknown(place)}")
    return layout


def _missing(path: Path) -> str:
    there = next(folder for folder in path.absolute().parents if folder.is_dir())
    place = Place.at(there)
    names = [*place.folders, *_tars(place)]
    return f"does not exist; {there} holds {some(names) if names else 'nothing'}"


def _unknown(place: Place) -> str:
    """Say what is in a folder that is no raw set, and what looks right."""
    if not place.folders and not place.files:
        return f"the folder is empty; {EXPECTED}"
    tars = _tars(place)
    inner = [name for name in tars if name[0] == "n" and name[1:-4].isdigit()]
    if inner:
        return (
            f"holds {some(inner)}, which are members of {ilsvrc2012.TRAIN}; give the folder that "
            "holds that archive, or unpack each into train/<class>/"
        )
    if len(tars) > 1:
        return f"holds several archives ({some(tars)}); give the one that is meant"
    better = _folder_above(place.path) or _folder_below(place)
    if better is not None:
        return f"no train or val folder in it; {better} looks right, give that"
    if place.folders and Place.at(place.path / place.folders[0]).files:
        return (
            f"no train or val folder in it; if its folders ({some(place.folders)}) are classes, "
            "say so with --layout imagefolder"
        )
    holds = some([*(f"{name}/" for name in place.folders), *place.files])
    return f"holds {holds}, which is no layout that is known; {EXPECTED}"


def _tars(place: Place) -> list[str]:
    return [name for name in place.files if name.endswith(".tar")]


def _folder_above(path: Path) -> Path | None:
    """Return RAW where RAW/train or RAW/train/<class> was given."""
    for folder in path.absolute().parents[:2]:
        if folder.is_dir() and split_of(path.absolute().relative_to(folder).parts[0]):
            return folder
    return None


def _folder_below(place: Place) -> Path | None:
    """Return the first folder inside, of those nearest to the top, that looks like a raw set."""
    waiting = [(place, 0)]
    for looked_at, (folder, depth) in enumerate(waiting):
        if recognise(folder) is not None:
            return folder.path
        if depth < _DEPTH and looked_at < _MAX_FOLDERS:
            waiting += [(inner, depth + 1) for inner in _inside(folder)]
    return None


def _inside(place: Place) -> list[Place]:
    found = []
    for name in place.folders:
        try:
            found.append(Place.at(place.path / name))
        except RawError:  # no permission: whatever it holds, it is not what to give
            continue
    return found
