"""Read what a run has logged; runlog.py says what stands there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alextrain.errors import AlexError

__all__ = ["LOG", "by_epoch", "read_epochs", "read_log", "read_rates"]

LOG = "log.jsonl"
_DRAWN = 5000  # rates of steps in a picture, at most


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's log, oldest first; none where there is no log yet.

    A last line that a killed run left half written is left out.

    Raises:
        AlexError: another line is damaged.
    """
    path = folder / LOG
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    rows = []
    for number, line in enumerate(lines[:-1], 1):  # a whole line ends in a newline
        try:
            row = json.loads(line)
            rows.append({"kind": row["kind"], "step": _whole(row["step"]), **row})
            if row["kind"] == "epoch":
                _check_epoch(row)
        except (ValueError, KeyError, TypeError) as error:
            raise AlexError(
                f"{path}, line {number}: not a line of a run's log; move the file away to go on "
                "without what it says"
            ) from error
    return rows


def read_epochs(folder: Path) -> list[dict[str, Any]]:
    """Return what was logged after each epoch, oldest first, as draw_curves takes it.

    Raises:
        AlexError: the log is damaged.
    """
    return list(by_epoch(read_log(folder)).values())


def read_rates(folder: Path) -> list[tuple[float, float]]:
    """Return (epochs done, rate) of the logged steps, as draw_curves takes it; some of very many.

    Raises:
        AlexError: the log is damaged.
    """
    rows = read_log(folder)
    epochs = [row for row in rows if row["kind"] == "epoch"]
    if not epochs:
        return []
    steps = max(1, epochs[-1]["step"]) / max(1, epochs[-1]["epoch"])  # of an epoch
    rates = [(row["step"], row.get("rate")) for row in rows if row["kind"] == "step"]
    found = [(step / steps, rate) for step, rate in rates if isinstance(rate, float)]
    return found[:: 1 + len(found) // _DRAWN]


def _check_epoch(row: Mapping[str, Any]) -> None:
    """Check that what is said of an epoch are numbers, but for its names; raise TypeError."""
    _whole(row["epoch"])
    for name, value in row.items():
        if name not in ("kind", "time", "split") and not isinstance(value, int | float | None):
            raise TypeError(name)


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(value)
    return value


def by_epoch(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return the rows of epochs by their number."""
    # A run that was killed between its log and its checkpoint ends the same epoch twice
    return {row["epoch"]: row for row in rows if row["kind"] == "epoch"}
