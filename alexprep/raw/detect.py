"""Find out which layout a raw set has, or say which folder looks more like one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import RawError
from alexprep.raw import ilsvrc2012
from alexprep.raw.devkit import ARCHIVE, FOLDER, find_devkit
from alexprep.raw.folders import LAYOUT as FOLDERS
from alexprep.raw.folders import open_folders
from alexprep.raw.source import SPLITS, RawSet, ignored, some
from alexprep.raw.tarred import open_tar

OFFICIAL = (ilsvrc2012.TRAIN, ilsvrc2012.VAL)
EXPECTED = (
    "a raw set is a folder with train/<class>/<image> and val/<class>/<image>, a .tar of these, "
    f"or a folder with {ilsvrc2012.TRAIN}, {ilsvrc2012.VAL} and the devkit"
)
_DEPTH = 4  # Kaggle's is three folders deep: ILSVRC/Data/CLS-LOC/train
_MAX_FOLDERS = 500  # looked at for a better folder; a class tree holds thousands


class _Entries(NamedTuple):
    folders: list[str]
    files: list[str]

    @property
    def tars(self) -> list[str]:
        return [name for name in self.files if name.endswith(".tar")]

    @property
    def looks_right(self) -> bool:
        return bool(set(SPLITS) & set(self.folders) or set(OFFICIAL) & set(self.files))


def open_raw(root: Path) -> RawSet:
    """List a raw set of whatever layout. No image is read, no archive unpacked.

    Where class folders and archives lie side by side, the folders are read, and `found` says so.

    Raises:
        RawError: missing, empty, one level too deep or too high, unknown, cut short; says what
            was found and which folder or layout looks right.
    """
    if root.is_file():
        return _open_file(root)
    if not root.is_dir():
        raise RawError(f"{root}: {_missing(root)}; {EXPECTED}")
    entries = _list(root)
    if set(SPLITS) & set(entries.folders):
        raw = _with_words(open_folders(root), root)
    elif set(OFFICIAL) & set(entries.files):
        raw = ilsvrc2012.open_ilsvrc2012(root)
    elif len(entries.tars) == 1:
        raw = _with_words(open_tar(root / entries.tars[0]), root)
    else:
        raise RawError(f"{root}: {_unknown(root, entries)}")
    if left := _passed_over(raw, entries):
        raw.found.append(f"not read: {some(left)}")
    return raw


def _open_file(path: Path) -> RawSet:
    if path.name in OFFICIAL:
        raise RawError(f"{path}: one of the official archives; give the folder: {path.parent}")
    return open_tar(path)


def _with_words(raw: RawSet, folder: Path) -> RawSet:
    """Add the words of the classes where a devkit lies in the raw folder too."""
    devkit = find_devkit(folder)
    if devkit is None:
        return raw
    return replace(raw, words=devkit.words, devkit_ids=devkit.ids)


def _passed_over(raw: RawSet, entries: _Entries) -> list[str]:
    """Return what lies beside that which is read, an archive of the other split above all."""
    read = {FOLDER, ARCHIVE}
    if raw.layout == ilsvrc2012.LAYOUT:
        read |= set(OFFICIAL)
    elif raw.layout == FOLDERS:
        read |= set(SPLITS)
    else:
        read |= set(entries.tars)
    return [name for name in (*entries.folders, *entries.files) if name not in read]


def _list(folder: Path) -> _Entries:
    found = _Entries([], [])
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not ignored(entry.name):
                    (found.folders if entry.is_dir() else found.files).append(entry.name)
    except OSError as error:
        raise RawError(f"{folder}: cannot be read ({error.strerror})") from error
    found.folders.sort()
    found.files.sort()
    return found


def _missing(root: Path) -> str:
    there = next(folder for folder in root.absolute().parents if folder.is_dir())
    entries = _list(there)
    names = [*entries.folders, *entries.tars]
    return f"does not exist; {there} holds {some(names) if names else 'nothing'}"


def _unknown(root: Path, entries: _Entries) -> str:
    """Say what is in a folder that is no raw set, and what looks right."""
    if not entries.folders and not entries.files:
        return f"the folder is empty; {EXPECTED}"
    inner = [name for name in entries.tars if name[0] == "n" and name[1:-4].isdigit()]
    if inner:
        return (
            f"holds {some(inner)}, which are members of {ilsvrc2012.TRAIN}; give the folder that "
            "holds that archive, or unpack each into train/<class>/"
        )
    if len(entries.tars) > 1:
        return f"holds several archives ({some(entries.tars)}); give the one that is meant"
    better = _folder_above(root) or _folder_below(root)
    if better is not None:
        return f"no train or val folder in it; {better} looks right, give that"
    holds = some([*(f"{name}/" for name in entries.folders), *entries.files])
    if entries.folders and _list(root / entries.folders[0]).files:
        return (
            f"no train or val folder in it; if its folders ({some(entries.folders)}) are classes, "
            "make it the folder train of another folder and give that"
        )
    return f"holds {holds}, which is no layout that is known; {EXPECTED}"


def _folder_above(root: Path) -> Path | None:
    """Return RAW where RAW/train or RAW/train/<class> was given."""
    for folder in root.absolute().parents[:2]:
        if folder.is_dir() and root.absolute().relative_to(folder).parts[0] in SPLITS:
            return folder
    return None


def _folder_below(root: Path) -> Path | None:
    """Return the first folder inside, of those nearest to the top, that looks like a raw set."""
    waiting = [(root, 0)]
    for looked_at, (folder, depth) in enumerate(waiting):
        try:
            entries = _list(folder)
        except RawError:  # no permission: whatever it holds, it is not what to give
            continue
        if entries.looks_right:
            return folder
        if depth < _DEPTH and looked_at < _MAX_FOLDERS:
            waiting += [(folder / name, depth + 1) for name in entries.folders]
    return None
