"""Compare two things fairly on a machine that is never quite idle, and write down what came out.

A rate alone says more about the machine than about the program, so each figure is a ratio of two
rates (or times) measured in turn in the same run: whatever slows the machine slows both.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

Measurement = Callable[[], float]  # runs once; returns a rate or a time, the same for both sides


@dataclass(frozen=True)
class Comparison:
    """What alternating pairs gave; `ratio` is the median of ours / other, pair by pair."""

    ours: float
    other: float
    ratio: float
    low: float  # lowest ratio of a pair
    high: float  # highest ratio of a pair

    @classmethod
    def of(cls, ours: Sequence[float], other: Sequence[float]) -> Comparison:
        """Compare what was measured in turn: the first with the first, and so on."""
        ratios = [a / b for a, b in zip(ours, other, strict=True)]
        return cls(median(ours), median(other), median(ratios), min(ratios), max(ratios))


@dataclass(frozen=True)
class Row:
    """One figure of the table: judged by its ratio, or by `ours` where there is no other."""

    figure: str
    unit: str
    ours: float
    other: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def goal(self) -> str:
        """Say the goal in words; "" where there is none."""
        bounds = ((self.at_least, "at least"), (self.at_most, "at most"))
        return " and ".join(f"{words} {bound:g}" for bound, words in bounds if bound is not None)

    @property
    def met(self) -> bool | None:
        """Say whether the goal is met; None where there is none."""
        if not self.goal:
            return None
        judged = self.ours if self.ratio is None else self.ratio
        low = -float("inf") if self.at_least is None else self.at_least
        high = float("inf") if self.at_most is None else self.at_most
        return low <= judged <= high


class Finished(NamedTuple):
    """What a command that ended well took and said."""

    wall: float  # seconds
    cpu: float  # seconds, of the command and of what it started
    output: str


def in_turn(measures: Sequence[Measurement], rounds: int) -> list[list[float]]:
    """Measure each thing once a round, the order reversed from round to round.

    Returns:
        The results of each measure, round by round.
    """
    results: list[list[float]] = [[] for _ in measures]
    for number in range(rounds):
        sides = list(zip(measures, results, strict=True))
        for measure, found in sides if number % 2 == 0 else reversed(sides):
            found.append(measure())
    return results


def pairs(ours: Measurement, other: Measurement, rounds: int = 5) -> Comparison:
    """Compare two things measured in turn, `rounds` times each.

    Each side is run by the caller once before, where the first run is not like the others.
    """
    return Comparison.of(*in_turn([ours, other], rounds))


def row(
    figure: str,
    unit: str,
    comparison: Comparison,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    note: str = "",
) -> Row:
    """Return the row of a comparison; the goal is one of the ratio."""
    return Row(figure, unit, **asdict(comparison), at_least=at_least, at_most=at_most, note=note)


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run_command(command: Sequence[str], env: Mapping[str, str] | None = None) -> Finished:
    """Run a command to its end.

    Exits with the command's own output where it fails: a figure of a failed run is worth nothing.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        command,
        env=None if env is None else {**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Finished(wall, cpu, done.stdout)


def program(name: str, *arguments: object) -> list[str]:
    """Return the command that runs one of the project's programs with these arguments."""
    return [str(Path(sys.executable).with_name(name)), *map(str, arguments)]


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def machine() -> str:
    """Name the machine: CPU, cores that this process may use, and whether others are using them."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return (
        f"{name}, {cores()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}"
    )


def show(rows: Iterable[Row]) -> str:
    """Return the rows as a table of aligned columns."""
    head = ("figure", "ours", "other", "ratio", "(from .. to)", "goal", "met")
    cells: list[tuple[str, ...]] = [head, *map(_cells, rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    lines = []
    for line in cells:
        first, *rest, goal, met = line
        numbers = [cell.rjust(width) for cell, width in zip(rest, widths[1:-2], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *numbers, goal.ljust(widths[-2]), met]))
    return "\n".join(line.rstrip() for line in lines)


def read_rows(results: Path) -> list[Row]:
    """Read rows back, oldest first."""
    names = {field.name for field in fields(Row)}
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return [Row(**{name: line[name] for name in names}) for line in lines]


def _cells(entry: Row) -> tuple[str, ...]:
    spread = "" if entry.low is None else f"({entry.low:.2f} .. {entry.high:.2f})"
    return (
        entry.figure + (f" [{entry.note}]" if entry.note else ""),
        _number(entry.ours, entry.unit),
        "" if entry.other is None else _number(entry.other, entry.unit),
        "" if entry.ratio is None else f"{entry.ratio:.2f}",
        spread,
        entry.goal,
        {True: "met", False: "NOT MET", None: ""}[entry.met],
    )


def _number(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f} {unit}"


def report(rows: Sequence[Row], results: Path | None = None) -> None:
    """Print the rows as a table; append them to the JSON lines of `results`, if any."""
    print(show(rows), flush=True)
    if results is None:
        return
    about = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    results.parent.mkdir(parents=True, exist_ok=True)
    with results.open("a", encoding="utf-8") as file:
        for entry in rows:
            line = about | asdict(entry) | {"goal": entry.goal, "met": entry.met}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
