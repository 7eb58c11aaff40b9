"""A share of the shards, made beside others in the same folder: `--part 3/16`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alexprep.errors import SettingsError
from alexprep.files import disk_errors, lock_directory, lock_file
from alexprep.shards.manifest import MANIFEST, WORK

SLURM = "slurm"
_TEXT = re.compile(r"(\d{1,6})/(\d{1,6})")
_LOCK = re.compile(r"part-(\d+)-of-(\d+)\.lock")
_SETTING_UP = "setup.lock"


@dataclass(frozen=True)
class Part:
    """Every `of`-th shard, from shard `number` - 1 on.

    Raises:
        SettingsError: there is no such part.
    """

    number: int  # from 1
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise SettingsError(f"there is no part {self}; parts of N are 1/N to N/N")

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def owner(self) -> str:
        """How names in the work folder begin that are this part's own."""
        return f"{self.name}-"

    @property
    def name(self) -> str:
        """As file names have it: "part-3-of-16"."""
        return f"part-{self.number}-of-{self.of}"

    def has(self, slot: int) -> bool:
        """Tell whether a shard, by its place in the plan, belongs to this part."""
        return slot % self.of == self.number - 1


def read_part(text: str, environment: Mapping[str, str] = os.environ) -> Part:
    """Read "3/16", or "slurm": which of how many this process is, by SLURM's variables.

    An array of N tasks has N parts. Where `srun` starts several processes of a job, each is a
    part; of an array of such jobs, each process of each task.

    Raises:
        SettingsError: neither, or no SLURM, or an array of which the whole cannot be known.
    """
    if text == SLURM:
        return _slurm(environment)
    match = _TEXT.fullmatch(text)
    if match is None:
        raise SettingsError(f"part {text!r} cannot be read; write 3/16, or slurm in a SLURM job")
    return Part(int(match[1]), int(match[2]))


def _slurm(environment: Mapping[str, str]) -> Part:
    def number(name: str, default: int | None = None) -> int:
        text = environment.get(f"SLURM_{name}", "" if default is None else str(default))
        if not text.isdigit():
            raise SettingsError(
                f"part slurm needs an array job or srun, and SLURM_{name} is {text!r}; "
                "write the part as 3/16"
            )
        return int(text)

    # Outside srun (in the batch script itself) PROCID is 0 whatever NTASKS is.
    in_step = "SLURM_STEP_ID" in environment
    process, processes = (number("PROCID"), number("NTASKS")) if in_step else (0, 1)
    if in_step and "SLURM_ARRAY_TASK_ID" not in environment:
        return Part(process + 1, processes)
    first, last, step = (
        number("ARRAY_TASK_MIN"),
        number("ARRAY_TASK_MAX"),
        number("ARRAY_TASK_STEP", 1),
    )
    tasks = number("ARRAY_TASK_COUNT")
    if tasks == 1 or (last - first) // step + 1 != tasks:
        raise SettingsError(
            f"this SLURM array has {tasks} of the tasks {first} to {last}, so how many parts there "
            "are is unknown; submit the whole array again (finished parts end at once), or write "
            "the part as 3/16"
        )
    place = (number("ARRAY_TASK_ID") - first) // step
    return Part(place * processes + process + 1, tasks * processes)


@contextmanager
def hold_part(target: Path, part: Part | None) -> Iterator[None]:
    """Hold a whole set, or one part of it beside other parts.

    Raises:
        DiskError: another run holds what this one needs.
    """
    with lock_directory(target, shared=part is not None):
        if part is None or (target / MANIFEST).is_file():  # of a finished set nothing is written
            yield
            return
        path = target / WORK / f"{part.name}.lock"
        with disk_errors(path):
            path.parent.mkdir(exist_ok=True)
        with lock_file(path, f"{target}: another run is making part {part}; wait for it to end"):
            yield


@contextmanager
def setting_up(target: Path, part: Part | None) -> Iterator[None]:
    """Let one part after another look at what there is and begin the set."""
    if part is None or not (target / WORK).is_dir():
        yield
        return
    with lock_file(target / WORK / _SETTING_UP):
        yield


def parts_begun(target: Path) -> int | None:
    """Return how many parts the set was last worked on in; None where never in parts."""
    found = [
        (path.stat().st_mtime_ns, int(match[2]))
        for path in (target / WORK).glob("part-*.lock")
        if (match := _LOCK.fullmatch(path.name))
    ]
    return max(found)[1] if found else None
