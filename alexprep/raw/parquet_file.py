"""An open Parquet file: the only module that imports pyarrow, and only when such a file is met."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from alexprep.errors import RawError
from alexprep.raw.place import MARK, titled
from alexprep.remote import positions

_BUFFER = 1 << 20  # bytes of a column read at once


def arrow() -> Any:
    """Return the package.

    Raises:
        RawError: it is not installed.
    """
    if find_spec("pyarrow") is None:
        raise RawError(
            'Parquet files need the package pyarrow; install it: pip install "alexkit[parquet]"'
        )
    return import_module("pyarrow")


@contextmanager
def open_file(file: str) -> Iterator[Any]:
    """Open a path or a URL as a ParquetFile; what fails while it is read is named too.

    Raises:
        RawError: the file cannot be read or is damaged, or pyarrow is missing.
    """
    failures = (arrow().ArrowException, OSError)
    parquet = import_module("pyarrow.parquet")
    try:
        source = positions.Seekable(file) if MARK in file else file
        with parquet.ParquetFile(source, buffer_size=_BUFFER, pre_buffer=False) as opened:
            yield opened
    except UnicodeDecodeError as error:  # a name or a label, in a file that is whole or is not
        raise RawError(
            f"{titled(file)}: holds a text that is not UTF-8; download it again, or write it anew"
        ) from error
    except failures as error:
        words = " ".join(str(error).split())[:80]
        raise RawError(
            f"{titled(file)}: no whole Parquet file ({words}); download or copy it again"
        ) from error
