"""What a run is told to do, and who hears of its progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alexprep.building.parts import Part
from alexprep.errors import SettingsError
from alexprep.planning.plan import Plan
from alexprep.threads import usable_cores
from alexprep.workers.backends import Backend

ON_BAD = ("skip", "fail")


@dataclass(frozen=True)
class Listener:
    """Who hears of progress; each may be left out. The calls may come from another thread."""

    kept: Callable[[int], None] | None = None  # once: images in shards that are kept
    checked: Callable[[int], None] | None = None  # raw images hashed again since the last time
    done: Callable[[int], None] | None = None  # images done since the last time
    to_lay: Callable[[int], None] | None = None  # once: raw images that are laid out, see laid.py
    laid: Callable[[int], None] | None = None  # of these since the last time
    to_measure: Callable[[int], None] | None = None  # once: images that are decoded for statistics
    measured: Callable[[int], None] | None = None  # of these since the last time


@dataclass(frozen=True)
class Run:
    """One run: its plan, its target, and what `build` was asked for, checked."""

    plan: Plan
    target: Path
    jobs: int
    backend: Backend
    fail: bool  # the first bad file ends the run
    measured: tuple[str, ...]  # the splits whose statistics are made
    max_bad: int | None  # more of them end it
    part: Part | None  # the share of the shards that is made
    listener: Listener

    @property
    def owner(self) -> str:
        """Return the part's mark on what it writes, "" for a whole run."""
        return "" if self.part is None else self.part.owner

    @property
    def slots(self) -> list[int]:
        """Places in the plan of the shards that this run is to make."""
        every = range(len(self.plan.tasks))
        return [slot for slot in every if self.part is None or self.part.has(slot)]


def whole(part: Part | None, *, recheck: bool) -> Part | None:
    """Check that a part is not asked to recheck, and return it.

    Raises:
        SettingsError: it cannot be.
    """
    if part is not None and recheck:
        raise SettingsError("a part cannot be rechecked; merge the parts, and recheck the whole")
    return part


def count_jobs(jobs: int | None) -> int:
    """Return the number of processes: what was asked for, or one a core.

    Raises:
        SettingsError: it cannot be.
    """
    if jobs is not None and jobs < 1:
        raise SettingsError(f"jobs must be 1 or more; got {jobs}")
    return jobs or usable_cores()


def fails(on_bad: str) -> bool:
    """Return whether the first bad file ends the run.

    Raises:
        SettingsError: it cannot be.
    """
    if on_bad not in ON_BAD:
        raise SettingsError(f"on-bad must be skip or fail; got {on_bad!r}")
    return on_bad == "fail"


def planned(plan: Plan, measured: Sequence[str]) -> tuple[str, ...]:
    """Return the splits to measure, each once, all of them in the plan.

    Raises:
        SettingsError: it cannot be.
    """
    splits = dict.fromkeys(task.split for task in plan.tasks)
    for split in measured:
        if split not in splits:
            raise SettingsError(
                f"statistics of {split} are wanted, and only {' and '.join(splits)} is prepared; "
                f"prepare {split} too, or name what there is with --stats-split"
            )
    return tuple(dict.fromkeys(measured))
