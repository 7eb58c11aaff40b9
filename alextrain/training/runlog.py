"""The log of a run: JSON lines for programs, TensorBoard for people, epochs.csv for spreadsheets.

    RUN/log.jsonl     one object a line: {"kind": "step", "step": 40, "loss": 2.1, ..., "time": ...}
    RUN/epochs.csv    one line an epoch, written anew after each
    RUN/tensorboard/  the same numbers as scalars `step/loss`, `epoch/val_loss`; pictures: looks.py

A resumed run drops what lies beyond the step that it starts from, so that its log says what the
log of an uninterrupted run says, times and events apart.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alexprep.files import disk_errors, write_atomically
from alextrain.training.board import Board
from alextrain.training.logged import LOG, by_epoch, read_log

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from alextrain.training.histograms import Histogram

__all__ = ["EPOCHS", "NoLog", "RunLog"]

EPOCHS = "epochs.csv"
TENSORBOARD = "tensorboard"

Values = Mapping[str, float | int | str | None]


class RunLog:
    """Writes the log of one run; each line is on its way to the disk before the next step.

    Args:
        folder: The folder of the run; made if it is missing.
        resume_step: The step that the run goes on from; lines beyond it are dropped. 0: a new run,
            whose log starts empty.

    Raises:
        AlexError: the log that is to be continued is damaged.
        DiskError: the folder cannot be written.
    """

    def __init__(self, folder: Path, *, resume_step: int = 0) -> None:
        self._folder = folder
        self._path = folder / LOG
        self._step = resume_step
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        rows = read_log(folder) if resume_step > 0 else []
        kept = [row for row in rows if row["step"] <= resume_step]
        self._epochs = by_epoch(kept)
        write_atomically(self._path, "".join(map(_line, kept)).encode())
        with disk_errors(self._path):
            self._file = self._path.open("a", encoding="utf-8", buffering=1)
            self._board = Board(folder / TENSORBOARD, resume_step)
        self._write_table()

    def step(self, step: int, values: Values) -> None:
        """Log what is known after training step `step`, counted from 1 over the whole run."""
        self._write("step", step, values)

    def epoch(self, epoch: int, step: int, values: Values) -> None:
        """Log what is known after `epoch` whole epochs, `step` steps.

        Args:
            epoch: Epochs done, from 1.
            step: Steps done.
            values: Losses, errors (shares of 1), the rate that the epoch ended with:
                figures.draw_curves says which names it draws.
        """
        row = self._write("epoch", step, {"epoch": epoch, **values})
        self._epochs[epoch] = row
        self._write_table()
        with disk_errors(self._path):
            self._board.flush()

    def event(self, text: str) -> None:
        """Log a sentence: what was saved, a warning, an interruption."""
        self._write("event", self._step, {"text": text})

    def machine(self, values: Values) -> None:
        """Log on what the run goes on from here: device, versions, processes."""
        self._write("machine", self._step, values)

    def graph(self, model: torch.nn.Module, example: torch.Tensor) -> None:
        """Draw the net's graph in TensorBoard, once in the life of a run.

        Args:
            model: The net itself, not a compiled one.
            example: A batch that it takes, float32 [n, 3, crop, crop].
        """
        if sentence := self._board.graph(model, example):
            self.event(sentence)

    def picture(self, name: str, step: int, pixels: NDArray[np.uint8]) -> None:
        """Show a picture in TensorBoard, uint8 [h, w, 3]."""
        with disk_errors(self._path):
            self._board.picture(name, pixels, step)

    def histograms(self, step: int, found: Mapping[str, Histogram]) -> None:
        """Show histograms in TensorBoard by their names."""
        with disk_errors(self._path):
            self._board.histograms(found, step)

    def close(self) -> None:
        """Write what is left and close the files; a second call does nothing."""
        with disk_errors(self._path):
            try:
                self._file.close()
            finally:
                self._board.close()

    def _write_table(self) -> None:
        path = self._folder / EPOCHS
        if self._epochs:
            write_atomically(path, _table(list(self._epochs.values())).encode())
        else:
            path.unlink(missing_ok=True)

    def _write(self, kind: str, step: int, values: Values) -> dict[str, Any]:
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        row = {"kind": kind, "step": step, **values, "time": time}
        with disk_errors(self._path):
            self._file.write(_line(row))
            for name, value in values.items():
                if kind in ("step", "epoch") and isinstance(value, float | int) and name != "epoch":
                    self._board.scalar(f"{kind}/{name}", value, step)
        self._step = step
        return row


class NoLog:
    """The log of a process that does not write: of several, the first one does."""

    def step(self, step: int, values: Values) -> None:
        """Write nothing."""

    def epoch(self, epoch: int, step: int, values: Values) -> None:
        """Write nothing."""

    def event(self, text: str) -> None:
        """Write nothing."""

    def machine(self, values: Values) -> None:
        """Write nothing."""

    def graph(self, model: torch.nn.Module, example: torch.Tensor) -> None:
        """Write nothing."""

    def picture(self, name: str, step: int, pixels: NDArray[np.uint8]) -> None:
        """Write nothing."""

    def histograms(self, step: int, found: Mapping[str, Histogram]) -> None:
        """Write nothing."""


def _line(row: Mapping[str, object]) -> str:
    """Return a row as one line. JSON knows no infinity and no NaN: they are written as null."""
    clean = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
    return json.dumps(clean, ensure_ascii=False, allow_nan=False) + "\n"


def _table(rows: list[dict[str, Any]]) -> str:
    names = dict.fromkeys(name for row in rows for name in row if name != "kind")
    out = io.StringIO()
    writer = csv.DictWriter(out, list(names), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
