"""Tables as Parquet files, row group by row group: the one module that needs pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from alexprep.files import atomic_file
from alextrain.extras import need

Rows = Callable[[Mapping[str, Any]], object]  # takes columns of equal length, some rows at a time


@contextmanager
def parquet_file(
    path: Path, columns: Sequence[tuple[str, str, int]], metadata: Mapping[str, str]
) -> Iterator[Rows]:
    """Open a Parquet file that appears under its name once it is whole.

    Args:
        path: The file.
        columns: Name, type ("string", "int32", "float32") and length of each: 0 for one value a
            row, else a list of so many.
        metadata: Text kept with the file.

    Raises:
        PackageError: pyarrow is not installed.
        DiskError: the disk is full or may not be written.
    """
    arrow, parquet = _pyarrow()
    fields = []
    for name, kind, length in columns:
        simple = getattr(arrow, kind)()
        fields.append(arrow.field(name, arrow.list_(simple, length) if length else simple))
    schema = arrow.schema(fields, metadata=dict(metadata))

    with atomic_file(path) as file, parquet.ParquetWriter(file, schema) as writer:

        def add(values: Mapping[str, Any]) -> None:
            arrays = [_array(arrow, field.type, values[field.name]) for field in schema]
            writer.write_batch(arrow.RecordBatch.from_arrays(arrays, schema=schema))

        yield add


def check_parquet() -> None:
    """Refuse, before long work, what needs pyarrow after it.

    Raises:
        PackageError: pyarrow is not installed.
    """
    _pyarrow()


def read_parquet(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the columns of a file, lists of numbers as arrays [n, length], and its metadata.

    Raises:
        PackageError: pyarrow is not installed.
        FileNotFoundError: there is no such file.
        ValueError: it is no Parquet file; the text is the reason.
    """
    arrow, parquet = _pyarrow()
    try:
        table = parquet.read_table(path)
    except FileNotFoundError:
        raise
    except (arrow.ArrowException, OSError) as error:
        raise ValueError(str(error)) from error
    columns: dict[str, Any] = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if arrow.types.is_fixed_size_list(column.type):
            flat = column.flatten().to_numpy(zero_copy_only=False)
            columns[name] = flat.reshape(len(column), column.type.list_size)
        elif arrow.types.is_string(column.type):
            columns[name] = column.to_pylist()
        else:
            columns[name] = column.to_numpy(zero_copy_only=False)
    raw = table.schema.metadata or {}
    return columns, {key.decode(): value.decode() for key, value in raw.items()}


def _array(arrow: ModuleType, kind: Any, values: Any) -> Any:
    if arrow.types.is_fixed_size_list(kind):
        flat = arrow.array(values.reshape(-1), type=kind.value_type)
        return arrow.FixedSizeListArray.from_arrays(flat, kind.list_size)
    return arrow.array(values, type=kind)


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    return need("pyarrow", "parquet"), need("pyarrow.parquet", "parquet")
