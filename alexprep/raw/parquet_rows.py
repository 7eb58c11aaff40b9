"""Rows of Parquet files.

A row group of Hugging Face's ImageNet holds 100 images, and a page of it some ten: none can be read
without its neighbours. So images are read one by one only for a look; for work they are read in
their own order and laid out (spool.py).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from alexprep.errors import ImageError, RawError
from alexprep.raw.parquet_columns import BYTES, PATH, Columns
from alexprep.raw.parquet_file import arrow, open_file
from alexprep.raw.place import MARK, titled
from alexprep.raw.source import Source
from alexprep.remote import transfer

_ROWS = 64  # read at once: 7 MB of ImageNet


@dataclass(frozen=True)
class Rows:
    """The images of one Parquet file, a container; a source's place is its row."""

    file: str
    column: str

    def read(self, source: Source) -> bytes:
        """Read the rows around the image; the last ones read are kept.

        What is before them in the row group is read and let go: some writers make one group of all.

        Raises:
            ImageError: the row is empty.
            RawError: the file has changed, or is damaged.
        """
        starts = _starts(self.file)
        group = max(number for number, start in enumerate(starts) if start <= source.place)
        batch, row = divmod(source.place - starts[group], _ROWS)
        values = _batch(self.file, self.column, group, batch)
        if row >= len(values):
            raise _changed(self.file)
        value = values[row]
        if value is None:
            raise ImageError("empty row")
        return value

    def where(self, _source: Source) -> str:
        """Return the file."""
        return titled(self.file)

    def identity(self) -> str:
        """Return what changes when the file does."""
        if MARK in self.file:
            return f"{self.file} {self.column} {transfer.size_of(self.file)}"
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
        with open_file(self.file) as parquet:
            for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
                inside = {row for row in wanted if start <= row < end}
                if not inside:
                    continue
                batches = parquet.iter_batches(
                    _ROWS, row_groups=[number], columns=[_leaf(self.file, parquet, self.column)]
                )
                for row, value in enumerate(_values(batches, self.column), start):
                    if row in inside:
                        yield row, b"" if value is None else value


def read_listing(file: str, columns: Columns) -> tuple[list[str | None], list[Any]]:
    """Return path and label of each row; the images are not read.

    Raises:
        RawError: the file is damaged.
    """
    wanted = [f"{columns.image}.{PATH}"] if columns.path else []
    wanted += [columns.label] if columns.label else []
    with open_file(file) as parquet:
        count = parquet.metadata.num_rows
        table = parquet.read(columns=wanted) if wanted else None
        paths: list[str | None] = [None] * count
        labels: list[Any] = [None] * count
        if table is not None and columns.path:
            paths = table.column(columns.image).combine_chunks().field(PATH).to_pylist()
        if table is not None and columns.label:
            labels = table.column(columns.label).to_pylist()
    return paths, labels


def image_bytes(file: str, column: str) -> int:
    """Return how many bytes the images of a file take once they are laid out, about."""
    with open_file(file) as parquet:
        metadata, leaf = parquet.metadata, _leaf(file, parquet, column)
        return sum(
            chunk.total_uncompressed_size
            for group in range(metadata.num_row_groups)
            for number in range(metadata.num_columns)
            if (chunk := metadata.row_group(group).column(number)).path_in_schema == leaf
        )


def first_image(file: str, column: str) -> bytes:
    """Return the bytes of the first image of a file; empty where it has no row."""
    with open_file(file) as parquet:
        batches = parquet.iter_batches(1, columns=[_leaf(file, parquet, column)])
        return next(_values(batches, column), b"") or b""


def _leaf(file: str, parquet: Any, column: str) -> str:
    """Return what Parquet calls the bytes of a column."""
    if column not in parquet.schema_arrow.names:
        raise _changed(file)
    kind = parquet.schema_arrow.field(column).type
    return f"{column}.{BYTES}" if arrow().types.is_struct(kind) else column


def _changed(file: str) -> RawError:
    return RawError(f"{titled(file)}: changed since it was listed; run the command again")


def _values(batches: Iterable[Any], column: str) -> Iterator[bytes | None]:
    for batch in batches:
        array = batch.column(column)
        for value in array.field(BYTES) if arrow().types.is_struct(array.type) else array:
            yield value.as_py()


@functools.lru_cache(maxsize=1)
def _batch(file: str, column: str, group: int, number: int) -> list[bytes | None]:
    with open_file(file) as parquet:
        leaf = _leaf(file, parquet, column)
        batches = parquet.iter_batches(_ROWS, row_groups=[group], columns=[leaf])
        return list(_values(islice(batches, number, number + 1), column))


@functools.lru_cache(maxsize=1024)
def _starts(file: str) -> list[int]:
    """Return the first row of each row group."""
    starts, position = [], 0
    with open_file(file) as parquet:
        for group in range(parquet.metadata.num_row_groups):
            starts.append(position)
            position += parquet.metadata.row_group(group).num_rows
    return starts


def _rows(file: str) -> int:
    with open_file(file) as parquet:
        return int(parquet.metadata.num_rows)
