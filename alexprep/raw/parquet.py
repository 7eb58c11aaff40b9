"""Hugging Face's Parquet: data/train-00000-of-00294.parquet and so on, images and labels in rows.

ImageNet's rows name an image "n01440764_10026_n01440764.JPEG": the name in the archives, and its
class once more. That is taken off, so the sources are those of the archives and of class folders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alexprep.errors import RawError
from alexprep.raw.layout import Layout, Place
from alexprep.raw.numbered import (
    class_folders,
    known_suffix,
    number_folders,
    own_order,
    split_in_name,
)
from alexprep.raw.parquet_columns import Columns, columns_of
from alexprep.raw.parquet_rows import Rows, first_image, image_bytes, read_listing
from alexprep.raw.place import titled
from alexprep.raw.source import (
    UNKNOWN_SIZE,
    RawSet,
    Source,
    describe,
    some,
    sort_sources,
    split_of,
    unlabelled_images,
)

NAME = "parquet"
SUFFIX = ".parquet"
_WITHOUT_LABEL = -1  # how Hugging Face writes the labels of a test set
_DOUBLED = re.compile(r"(.+?)_(n\d{8})(\.[A-Za-z]+)")


@dataclass
class _Listed:
    """The rows of one split."""

    rows: list[tuple[Rows, int]] = field(default_factory=list)
    paths: list[str | None] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    unlabelled: int = 0
    suffix: str = ""
    bytes: int = 0


def open_parquet(place: Place) -> RawSet:
    """List the rows of Parquet files; their images are not read.

    The split stands in the name of a file or of its folder; without one it is train. Rows without
    a label (-1, or null) are counted, not listed. The argument of the layout is the name of the
    column of the labels, where there are several.

    Raises:
        RawError: no Parquet file, a damaged one, or one without a column of images or of labels;
            or pyarrow is missing.
    """
    files = {str(file): _below(file, place.path) for file in _files(place.path)}
    return list_parquet(place.path, files, place.argument)


def list_parquet(root: Path | str, files: Mapping[str, str], label: str = "") -> RawSet:
    """List the rows of Parquet files.

    Args:
        root: RAW, for messages.
        files: Path or URL of each file -> its path below RAW, which may tell the split.
        label: Name of the column of the labels; "": find it.

    Raises:
        RawError: as for `open_parquet`.
    """
    first = next(iter(files))
    columns = columns_of(first, label)
    if columns.label is None:
        raise RawError(
            f"{titled(first)}: no column of labels is known in it; name it: --layout parquet:COLUMN"
        )
    listed: dict[str, _Listed] = {}
    for file, below in files.items():
        split = split_in_name(below) or "train"
        _add(listed.setdefault(split, _Listed()), file, columns, label)
    classes = _Classes.of(listed, columns, root)
    splits = {
        split: sort_sources(_sources(split, rows, classes))
        for split, rows in listed.items()
        if rows.rows
    }
    if not splits:
        raise RawError(f"{root}: no row has a label; expected numbers from 0 on")
    laid = sum(rows.bytes for rows in listed.values())
    found = [describe(split, sources) for split, sources in splits.items()]
    found += [
        unlabelled_images(split, rows.unlabelled)
        for split, rows in listed.items()
        if rows.unlabelled
    ]
    found.append(f"rows are laid out beside the shards while they are made: {laid / 1e9:,.2f} GB")
    return RawSet(NAME, root, splits, classes.words, own_order=classes.order, found=found)


LAYOUT = Layout(
    NAME,
    "Parquet files as Hugging Face keeps them, train-*.parquet in a folder or in its folder data",
    lambda place: bool(_parquet_files(place.path)) and not _has_classes(place),
    open_parquet,
)


def _parquet_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix == SUFFIX else []
    return sorted(file for pattern in (f"*{SUFFIX}", f"*/*{SUFFIX}") for file in path.glob(pattern))


def _has_classes(place: Place) -> bool:
    """Tell whether a folder of a split holds folders: then it holds classes."""
    splits = (place.path / name for name in place.folders if split_of(name))
    return any(Place.at(folder).folders for folder in splits)


def _files(path: Path) -> list[Path]:
    files = _parquet_files(path)
    if not files:
        raise RawError(
            f"{path}: no {SUFFIX} file in it or in its folders; expected train-*{SUFFIX}"
        )
    folders = {file.parent for file in files if split_in_name(file.parent.name) is None}
    if len(folders) > 1:
        names = some(str(folder.relative_to(path)) for folder in folders)
        raise RawError(
            f"{path}: holds Parquet files in several folders ({names}); give one of them"
        )
    return files


def _below(file: Path, path: Path) -> str:
    """Return a file's path below RAW: the name of RAW itself is no split's."""
    return file.name if file == path else file.relative_to(path).as_posix()


def _add(listed: _Listed, file: str, columns: Columns, label: str) -> None:
    """Add the rows of one file."""
    if columns_of(file, label) != columns:
        raise RawError(
            f"{titled(file)}: has other columns or class names than the files before "
            "it; give the folder of one set"
        )
    container = Rows(file, columns.image)
    paths, labels = read_listing(file, columns)
    for row, (path, number) in enumerate(zip(paths, labels, strict=True)):
        if number is None or number == _WITHOUT_LABEL:
            listed.unlabelled += 1
            continue
        listed.rows.append((container, row))
        listed.paths.append(path.rpartition("/")[2] if path else None)
        listed.labels.append(number)
    listed.suffix = listed.suffix or known_suffix(first_image(file, columns.image))
    listed.bytes += image_bytes(file, columns.image)


@dataclass(frozen=True)
class _Classes:
    """What labels are called."""

    folder: dict[Any, str]  # label -> class
    words: dict[str, str]
    order: tuple[str, ...]  # by label, where that is another order than by name
    doubled: bool  # the names of the images end in the class

    @classmethod
    def of(cls, listed: dict[str, _Listed], columns: Columns, path: Path | str) -> _Classes:
        pairs = [
            (label, _DOUBLED.fullmatch(name or ""))
            for rows in listed.values()
            for label, name in zip(rows.labels, rows.paths, strict=True)
        ]
        numbers = sorted({label for label, _ in pairs})
        if columns.text:
            return cls(class_folders(numbers, str(path)), {}, (), doubled=False)
        _check_numbers(numbers, columns, path)
        if not all(match for _, match in pairs):
            names = columns.names or None
            folder, words = number_folders(numbers, names)
            return cls(
                folder, words, own_order(folder[number] for number in numbers), doubled=False
            )
        folder = {}
        for label, match in pairs:
            assert match is not None
            wnid = match[2]
            if folder.setdefault(label, wnid) != wnid:
                raise RawError(
                    f"{path}: label {label} is {folder[label]} in one row and {wnid} in another; "
                    "the set is damaged, download it again"
                )
        if len(set(folder.values())) != len(folder):
            raise RawError(f"{path}: two labels are one class; the set is damaged")
        words = {folder[number]: columns.names[number] for number in numbers if columns.names}
        return cls(folder, words, own_order(folder[number] for number in numbers), doubled=True)


def _check_numbers(numbers: Sequence[int], columns: Columns, path: Path | str) -> None:
    most = len(columns.names) if columns.names else None
    for number in (numbers[0], numbers[-1]) if numbers else ():
        if number < 0 or (most is not None and number >= most):
            known = f"0 to {most - 1:,}" if most else "0 on"
            raise RawError(
                f"{path}: column {columns.label} holds {number}; expected numbers from {known}"
            )


def _sources(split: str, listed: _Listed, classes: _Classes) -> list[Source]:
    folders = [classes.folder[label] for label in listed.labels]
    names = _names(split, listed, folders, doubled=classes.doubled)
    return [
        Source(folder, f"{split}/{folder}/{name}", UNKNOWN_SIZE, container, row)
        for folder, name, (container, row) in zip(folders, names, listed.rows, strict=True)
    ]


def _names(split: str, listed: _Listed, folders: list[str], *, doubled: bool) -> list[str]:
    """Return the file name of each row: its own where it has one, else its place in the split."""
    paths = listed.paths
    if doubled:
        return [_DOUBLED.sub(r"\1\3", path or "") for path in paths]
    if all(paths) and len(set(zip(folders, paths, strict=True))) == len(paths):
        return [path or "" for path in paths]
    width = len(str(len(paths)))
    return [f"{split}-{row:0{width}d}{listed.suffix}" for row in range(len(paths))]
