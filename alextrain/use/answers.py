"""What a network answered, as a table for people, CSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alexprep.files import atomic_file, write_all
from alexprep.raw.source import shown
from alextrain.parquet import Rows, parquet_file
from alextrain.use.predict import Answer

FORMATS = ("table", "csv", "jsonl", "parquet")
_COLUMNS = [
    ("picture", "string", 0),
    ("rank", "int32", 0),  # from 1; 0: no picture, see error
    ("class", "string", 0),
    ("words", "string", 0),
    ("probability", "float32", 0),
    ("error", "string", 0),
]

Sink = Callable[[Answer], object]
ROW_GROUP = 4096  # answers of a Parquet file that are written together


@contextmanager
def answer_file(path: Path, kind: str) -> Iterator[Sink]:
    """Open a file for answers; it appears under its name once it is whole.

    Args:
        path: The file.
        kind: One of FORMATS.

    Raises:
        PackageError: Parquet is asked for and pyarrow is not installed.
        DiskError: the disk is full or may not be written.
    """
    if kind == "parquet":
        with parquet_file(path, _COLUMNS, {}) as add, _together(add) as sink:
            yield sink
        return
    with atomic_file(path) as file:
        write_all(file, header(kind).encode())
        yield lambda answer: write_all(file, text(answer, kind).encode())


@contextmanager
def _together(add: Rows) -> Iterator[Sink]:
    """Gather answers into row groups."""
    kept: list[Answer] = []

    def take(answer: Answer) -> None:
        kept.append(answer)
        if len(kept) == ROW_GROUP:
            add(_columns(kept))
            kept.clear()

    yield take
    if kept:
        add(_columns(kept))


def header(kind: str) -> str:
    """Return what stands above the answers."""
    return _csv([[name for name, _, _ in _COLUMNS]]) if kind == "csv" else ""


def text(answer: Answer, kind: str) -> str:
    """Return one answer as "table", "csv" or "jsonl", lines with their ends."""
    if kind == "csv":
        return _csv([list(row.values()) for row in rows(answer)])
    if kind == "jsonl":
        return json.dumps(_record(answer), ensure_ascii=False) + "\n"
    if answer.error:
        return f"{answer.picture}\n  no picture: {answer.error}\n"
    names = [(shown(guess.words), shown(guess.name)) for guess in answer.guesses]
    width = max(len(words) for words, _ in names)
    lines = [f"{answer.picture}{'  (turned upright, as its EXIF says)' if answer.turned else ''}"]
    for guess, (words, name) in zip(answer.guesses, names, strict=True):
        after = "" if words == name else f"  {name}"
        lines.append(f"  {guess.probability:6.1%}  {words:<{width}}{after}".rstrip())
    return "\n".join(lines) + "\n"


def rows(answer: Answer) -> list[dict[str, Any]]:
    """Return one flat row for each guess, or one that holds the error."""
    if answer.error:
        empty = {"rank": 0, "class": "", "words": "", "probability": None}
        return [{"picture": answer.picture, **empty, "error": answer.error}]
    return [
        {
            "picture": answer.picture,
            "rank": rank,
            "class": guess.name,
            "words": guess.words,
            "probability": guess.probability,
            "error": "",
        }
        for rank, guess in enumerate(answer.guesses, 1)
    ]


def _record(answer: Answer) -> dict[str, Any]:
    if answer.error:
        return {"picture": answer.picture, "error": answer.error}
    guesses = [
        {"class": guess.name, "words": guess.words, "probability": guess.probability}
        for guess in answer.guesses
    ]
    return {"picture": answer.picture, "turned": answer.turned, "guesses": guesses}


def _columns(answers: list[Answer]) -> dict[str, list[Any]]:
    flat = [row for answer in answers for row in rows(answer)]
    return {name: [row[name] for row in flat] for name, _, _ in _COLUMNS}


def _csv(table: list[list[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(table)
    return buffer.getvalue()
