"""Rows of Parquet files: the only module that imports pyarrow, and only when such a file is met.

A row group of Hugging Face's ImageNet holds 100 images, and a page of it some ten: none can be read
without its neighbours. So images are read one by one only for a look; for work they are read in
their own order and laid out (spool.py).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alexprep import remote
from alexprep.errors import ImageError, RawError
from alexprep.raw.place import MARK, titled
from alexprep.raw.source import Source

_ROWS = 64  # read at once: 7 MB of ImageNet
_BUFFER = 1 << 20  # bytes of a column read at once


@dataclass(frozen=True)
class Columns:
    """Which columns of a file are read."""

    image: str  # "image.bytes", or the name of a binary column
    path: str | None  # "image.path"
    label: str | None
    names: tuple[str, ...]  # of the labels, where the file's ClassLabel says them
    text: bool  # the label is a text, and names the class itself


@dataclass(frozen=True)
class Rows:
    """The images of one Parquet file, a container; a source's place is its row."""

    file: str
    column: str

    def read(self, source: Source) -> bytes:
        """Read the row group that the image lies in; the last one read is kept."""
        starts = _starts(self.file)
        group = max(number for number, start in enumerate(starts) if start <= source.place)
        row = _group(self.file, self.column, group)[source.place - starts[group]]
        return _checked(row)

    def where(self, _source: Source) -> str:
        """Return the file."""
        return titled(self.file)

    def identity(self) -> str:
        """Return what changes when the file does."""
        if MARK in self.file:
            return f"{self.file} {self.column} {remote.size_of(self.file)}"
        status = Path(self.file).stat()
        return f"{self.file} {self.column} {status.st_size} {status.st_mtime_ns}"

    def room(self, count: int) -> int:
        """Return how many bytes so many of its images take, about."""
        return image_bytes(self.file, self.column) * count // max(1, _rows(self.file))

    def stream(self, places: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Yield row and bytes in the order of the file; row groups that hold none are passed over.

        Raises:
            RawError: the file is damaged.
        """
        wanted = sorted(places)
        starts = _starts(self.file)
        ends = [*starts[1:], _rows(self.file)]
        with _opened(self.file) as parquet:
            for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
                inside = {row for row in wanted if start <= row < end}
                if not inside:
                    continue
                batches = parquet.iter_batches(_ROWS, row_groups=[number], columns=[self.column])
                for row, value in enumerate(_values(batches, self.column), start):
                    if row in inside:
                        yield row, b"" if value is None else value


def columns_of(file: str, label: str = "") -> Columns:
    """Find the columns of images and labels.

    Args:
        file: The Parquet file.
        label: Name of the column of the labels; "": find it.

    Raises:
        RawError: the file cannot be read, or there is no such column or more than one.
    """
    arrow = _arrow()
    with _opened(file) as parquet:
        schema = parquet.schema_arrow
    features = _features(schema.metadata)
    image = _image_column(arrow, file, schema, features)
    nested = arrow.types.is_struct(schema.field(image).type)
    parts = {field.name for field in schema.field(image).type} if nested else set()
    found = label or _label_column(arrow, schema, features)
    if found is not None and found not in schema.names:
        raise RawError(
            f"{titled(file)}: has no column {found}; its columns are {', '.join(schema.names)}"
        )
    kind = None if found is None else schema.field(found).type
    if kind is not None and not (arrow.types.is_integer(kind) or _is_text(arrow, kind)):
        raise RawError(
            f"{titled(file)}: column {found} holds {kind}, and labels are numbers or texts"
        )
    names = features.get(found, {}).get("names", ()) if found else ()
    return Columns(
        image=f"{image}.bytes" if nested else image,
        path=f"{image}.path" if "path" in parts else None,
        label=found,
        names=tuple(map(str, names)),
        text=kind is not None and _is_text(arrow, kind),
    )


def read_listing(file: str, columns: Columns) -> tuple[list[str | None], list[Any]]:
    """Return path and label of each row; the images are not read.

    Raises:
        RawError: the file is damaged.
    """
    wanted = [name for name in (columns.path, columns.label) if name]
    with _opened(file) as parquet:
        count = parquet.metadata.num_rows
        table = parquet.read(columns=wanted) if wanted else None
    paths: list[str | None] = [None] * count
    labels: list[Any] = [None] * count
    if table is not None and columns.path:
        outer, _, inner = columns.path.partition(".")
        paths = table.column(outer).combine_chunks().field(inner).to_pylist()
    if table is not None and columns.label:
        labels = table.column(columns.label).to_pylist()
    return paths, labels


def image_bytes(file: str, column: str) -> int:
    """Return how many bytes the images of a file take once they are laid out, about."""
    with _opened(file) as parquet:
        metadata = parquet.metadata
        return sum(
            chunk.total_uncompressed_size
            for group in range(metadata.num_row_groups)
            for number in range(metadata.num_columns)
            if (chunk := metadata.row_group(group).column(number)).path_in_schema == column
        )


def first_image(file: str, column: str) -> bytes:
    """Return the bytes of the first image of a file; empty where it has no row."""
    with _opened(file) as parquet:
        return next(_values(parquet.iter_batches(1, columns=[column]), column), b"") or b""


def _checked(value: bytes | None) -> bytes:
    if value is None:
        raise ImageError("empty row")
    return value


def _values(batches: Iterable[Any], column: str) -> Iterator[bytes | None]:
    outer, _, inner = column.partition(".")
    for batch in batches:
        array = batch.column(outer)
        for value in array.field(inner) if inner else array:
            yield value.as_py()


@functools.lru_cache(maxsize=1)
def _group(file: str, column: str, group: int) -> list[bytes | None]:
    with _opened(file) as parquet:
        return list(_values(parquet.iter_batches(row_groups=[group], columns=[column]), column))


@functools.lru_cache(maxsize=1024)
def _starts(file: str) -> list[int]:
    """Return the first row of each row group."""
    starts, position = [], 0
    with _opened(file) as parquet:
        for group in range(parquet.metadata.num_row_groups):
            starts.append(position)
            position += parquet.metadata.row_group(group).num_rows
    return starts


def _rows(file: str) -> int:
    with _opened(file) as parquet:
        return int(parquet.metadata.num_rows)


def _arrow() -> Any:
    if find_spec("pyarrow") is None:
        raise RawError(
            'Parquet files need the package pyarrow; install it: pip install "alexkit[parquet]"'
        )
    return import_module("pyarrow")


@contextmanager
def _opened(file: str) -> Iterator[Any]:
    arrow = _arrow()
    parquet = import_module("pyarrow.parquet")
    try:
        source = remote.Seekable(file) if MARK in file else file
        with parquet.ParquetFile(source, buffer_size=_BUFFER, pre_buffer=False) as opened:
            yield opened
    except (arrow.ArrowException, OSError) as error:
        words = " ".join(str(error).split())[:80]
        raise RawError(
            f"{titled(file)}: no whole Parquet file ({words}); download or copy it again"
        ) from error


def _features(metadata: dict[bytes, bytes] | None) -> dict[str, dict[str, Any]]:
    """Return what Hugging Face's `datasets` noted of the columns."""
    try:
        noted = json.loads((metadata or {}).get(b"huggingface", b"{}"))
        features = noted.get("info", {}).get("features", {})
    except (ValueError, AttributeError):
        return {}
    if not isinstance(features, dict):
        return {}
    return {name: kind for name, kind in features.items() if isinstance(kind, dict)}


def _image_column(arrow: Any, file: str, schema: Any, features: dict[str, dict[str, Any]]) -> str:
    found = [name for name in schema.names if features.get(name, {}).get("_type") == "Image"]
    found = found or [field.name for field in schema if _is_image(arrow, field.type)]
    found = found or [field.name for field in schema if _is_binary(arrow, field.type)]
    if len(found) == 1:
        return str(found[0])
    what = f"several columns of images ({', '.join(found)})" if found else "no column of images"
    raise RawError(
        f"{titled(file)}: has {what}; its columns are {', '.join(schema.names)}; expected "
        "one that holds encoded images as bytes"
    )


def _is_image(arrow: Any, kind: Any) -> bool:
    """Tell whether a type is Hugging Face's Image: {bytes, path}."""
    if not arrow.types.is_struct(kind):
        return False
    return any(field.name == "bytes" and _is_binary(arrow, field.type) for field in kind)


def _is_binary(arrow: Any, kind: Any) -> bool:
    return bool(arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind))


def _is_text(arrow: Any, kind: Any) -> bool:
    return bool(arrow.types.is_string(kind) or arrow.types.is_large_string(kind))


def _label_column(arrow: Any, schema: Any, features: dict[str, dict[str, Any]]) -> str | None:
    """Return a column called label, else the first ClassLabel, else one with a likely name."""
    classes = [name for name in schema.names if features.get(name, {}).get("_type") == "ClassLabel"]
    likely = [
        name for name in ("label", "labels", "fine_label", "class", "cls") if name in schema.names
    ]
    for name in (*[name for name in likely if name in classes], *classes, *likely):
        kind = schema.field(name).type
        if arrow.types.is_integer(kind) or _is_text(arrow, kind):
            return str(name)
    return None
