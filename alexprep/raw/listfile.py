"""A list of images in a file: path, label and, in .csv and .tsv, the split."""

from __future__ import annotations

import csv
import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from alexprep.errors import RawError
from alexprep.raw.containers import Folder, Unreadable
from alexprep.raw.layout import Layout, Place
from alexprep.raw.names import find_synsets, with_names
from alexprep.raw.numbered import is_number, number_folders
from alexprep.raw.source import SPLITS, RawSet, Source, describe, shown, sort_sources, split_of

NAME = "list"
_SUFFIXES = (".txt", ".tsv", ".csv")
_COLUMNS = {
    "path": ("path", "file", "filename", "image", "image_path", "file_name"),
    "label": ("label", "class", "class_name", "category"),
    "split": ("split", "set", "subset"),
}


class _Row(NamedTuple):
    line: int
    path: str
    label: str
    split: str


def open_list(place: Place) -> RawSet:
    """List the images that a file names; their paths begin in its folder, or in `place.root`.

    Labels are names of classes, or numbers: of a list of synsets that lies beside it; without such
    a list the numbers are the classes. A listed file that is not there is a bad file.

    Raises:
        RawError: a line that is none, a path outside the folder or named twice, a label that can
            be no name, or not one file that is there.
    """
    path = place.path
    if not path.is_file() or path.suffix.lower() not in _SUFFIXES:
        raise RawError(f"{path}: expected a list, a file called {', '.join(_SUFFIXES)}")
    root = place.root or path.parent
    rows = _rows(path)
    if not rows:
        raise RawError(f"{path}: names no image; expected lines of a path and a label")
    names = _classes(path, root, rows)
    files = _Files(path, root)
    splits: dict[str, list[Source]] = {}
    for row in rows:
        splits.setdefault(row.split, []).append(files.source(row, names[row.label]))
    if files.missing == len(rows):
        raise RawError(
            f"{path}: not one of the files that it lists ({len(rows):,}) is there, the first is "
            f"{shown(str(root / rows[0].path))}; give the folder in which the paths begin with "
            "--root"
        )
    ordered = {split: sort_sources(splits[split]) for split in SPLITS if split in splits}
    found = [describe(split, sources) for split, sources in ordered.items()]
    if files.missing:
        found.append(f"{files.missing:,} of the listed files cannot be read")
    found += _gaps(sorted({int(row.label) for row in rows if is_number(row.label)}), len(names))
    return with_names(RawSet(NAME, path, ordered, found=found), [path.parent, root])


LAYOUT = Layout(
    NAME,
    "a .txt, .tsv or .csv of paths and labels",
    lambda place: place.path.is_file() and place.path.suffix.lower() in _SUFFIXES,
    open_list,
)


def _rows(path: Path) -> list[_Row]:
    default = split_of(path.stem) or "train"  # a list called val.txt is of val
    try:
        with path.open("rb") as start:
            if start.read(2) in (BOM_UTF16_LE, BOM_UTF16_BE):
                raise RawError(f"{path}: is text in UTF-16; save it as UTF-8")
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            return list(_parsed(path, _cells(path, file), default))
    except OSError as error:
        raise RawError(f"{path}: cannot be read ({error.strerror})") from error


def _cells(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line; in .txt the label is what follows the last space."""
    if path.suffix.lower() == ".csv":
        yield from _csv_cells(path, lines)
        return
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        if "\t" in text or path.suffix.lower() == ".tsv":
            yield number, text.split("\t")
        else:
            name, _, label = text.rstrip().rpartition(" ")
            yield number, [name.rstrip(), label] if text.strip() else []


def _csv_cells(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, strict=True)
    line = 0
    try:
        for row in reader:
            line = reader.line_num
            yield line, row
    except csv.Error as error:
        raise RawError(
            f"{path}: cannot be read from line {line + 1} on ({error}); look there for a quotation "
            "mark that is opened and not closed"
        ) from error


def _parsed(path: Path, lines: Iterator[tuple[int, list[str]]], default: str) -> Iterator[_Row]:
    order: Sequence[int | None] = (0, 1, 2)
    for count, (number, row) in enumerate(lines):
        if not any(row):
            continue
        if count == 0 and (header := _header(row)) is not None:
            order = header
            continue
        cells = [row[at].strip() if at is not None and at < len(row) else "" for at in order]
        if not cells[0] or not cells[1]:
            raise RawError(f"{path}: line {number} has no path or no label: {shown(str(row))[:80]}")
        split = split_of(cells[2].lower() or default)
        if split is None:
            raise RawError(
                f"{path}: line {number} is of split {cells[2]!r}; expected {', '.join(SPLITS)}"
            )
        yield _Row(number, cells[0], cells[1], split)


def _header(row: Sequence[str]) -> list[int | None] | None:
    """Return where path, label and split stand by a line of names, None where it is none."""
    cells = [cell.strip().lower() for cell in row]
    places = [
        next((at for at, cell in enumerate(cells) if cell in names), None)
        for names in _COLUMNS.values()
    ]
    return None if places[0] is None or places[1] is None else places


def _gaps(numbers: Sequence[int], labels: int) -> list[str]:
    """Say where numbers will not be the labels: some do not occur."""
    if len(numbers) != labels or numbers[-1] == labels - 1:
        return []
    return [f"numbers with gaps: number {numbers[0]} becomes label 0, {numbers[-1]} {labels - 1}"]


def _classes(path: Path, root: Path, rows: Sequence[_Row]) -> dict[str, str]:
    """Return the class of each label."""
    labels = {row.label for row in rows}
    for row in rows:
        if "/" in row.label or row.label in (".", ".."):
            raise RawError(
                f"{path}: line {row.line}: label {row.label!r} can be no name of a folder; "
                "write it without slashes"
            )
    if not all(map(is_number, labels)):
        return {label: label for label in labels}
    synsets = find_synsets([path.parent, root])
    if not synsets:
        names, _ = number_folders(sorted(map(int, labels)), None)
        return {label: names[int(label)] for label in labels}
    highest = max(map(int, labels))
    if highest >= len(synsets):
        raise RawError(
            f"{path}: has label {highest:,}, but the list of synsets beside it has "
            f"{len(synsets):,} lines; use the one that belongs to it, or remove it"
        )
    return {label: synsets[int(label)] for label in labels}


class _Files:
    """The files that a list names, called as in class folders, wherever they lie."""

    def __init__(self, path: Path, root: Path) -> None:
        self.missing = 0
        self._list = path
        self._root = root
        self._lines: dict[tuple[str, ...], int] = {}  # parts of a path -> where it is listed
        self._folders: dict[tuple[str, int], Folder] = {}  # one object for many files

    def source(self, row: _Row, class_name: str) -> Source:
        parts = self._parts(row)
        self._check_twice(row, parts)
        where = self._root.joinpath(*parts)
        base = self._root
        if len(parts) > 1 and split_of(parts[0]) == row.split:
            base, parts = base / parts[0], parts[1:]
        cut = 1 if len(parts) > 1 and parts[0] == class_name else 2
        name = "/".join((row.split, class_name, *(parts[1:] if cut == 1 else parts)))
        try:
            if not where.is_file():
                raise FileNotFoundError
            size = where.stat().st_size
        except OSError as error:
            self.missing += 1
            none = "it is no plain file" if os.path.lexists(where) else "there is no such file"
            reason = f"listed, but cannot be read: {error.strerror or none}"
            return Source(class_name, name, 0, Unreadable(str(where), reason))
        folder = self._folders.setdefault((str(base), cut), Folder(str(base), cut))
        return Source(class_name, name, size, folder)

    def _check_twice(self, row: _Row, parts: tuple[str, ...]) -> None:
        before = self._lines.setdefault(parts, row.line)
        if before != row.line:  # "./a.jpg" is "a.jpg"
            raise RawError(
                f"{self._list}: lines {before} and {row.line} both name {shown(row.path)}; "
                "remove one of them"
            )

    def _parts(self, row: _Row) -> tuple[str, ...]:
        """Return the parts of a path below the root."""
        path = PurePosixPath(row.path)
        if path.is_absolute() and path.is_relative_to(self._root.absolute()):
            path = path.relative_to(self._root.absolute())
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise RawError(
                f"{self._list}: line {row.line}: {shown(row.path)} does not lie in {self._root}; "
                "give the folder that holds all images with --root"
            )
        return path.parts
