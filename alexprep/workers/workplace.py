"""SHARDS while it is worked on: whose it is, and what lies in its work folder.

- .work/begun.json: see begun.py
- .work/train-000000.json: records of finished shards, see record.py
- .work/train-000000.npz: moments of finished shards, see shard_moments.py
- .work/plan.json: see outline.py
- .work/killers*.json: images that kill the process that decodes them
- .work/part-3-of-16.lock: held while that part is made; its own files have its name in theirs
- .work/run-.../: what one run has not finished. No other run touches it but to remove it, so
  that workers that outlived their parent have nothing left to rename.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from alexprep.errors import ShardError
from alexprep.files import LOCK, canonical_json, disk_errors, write_atomically
from alexprep.records.begun import BEGUN
from alexprep.shards.manifest import MANIFEST, WORK
from alexprep.workers import heartbeat

_KILLERS = "killers"
_RUN, _DEAD = "run-", "dead-"


def claim(target: Path) -> None:
    """Make the folder of the shards, or check that it is empty or holds shards of ours.

    Raises:
        ShardError: it holds something else.
        DiskError: it cannot be made.
    """
    with disk_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in target.iterdir()}
    ours = MANIFEST in names or (target / WORK / BEGUN).is_file()
    others = sorted(names - {LOCK, WORK, "lost+found"})
    if others and not ours:
        raise ShardError(
            f"{target}: is not empty and holds no shards of alexprep (there is {others[0]}); "
            "name an empty or a new folder"
        )


def open_run(target: Path, slots: int, owner: str = "") -> Path:
    """Make this run's own folder with the heartbeat file in it; `owner`: see parts.py.

    Raises:
        DiskError: the disk is full or cannot be written.
    """
    with disk_errors(target / WORK):
        run = Path(tempfile.mkdtemp(prefix=f"{_RUN}{owner}", dir=target / WORK))
        heartbeat.create(run / heartbeat.NAME, slots)
    return run


def left_in_work(target: Path, owner: str = "") -> list[tuple[int, int]]:
    """Return (slot, position) of what was in work when earlier runs died."""
    runs = sorted((target / WORK).glob(f"{_RUN}{owner}*"))
    return [pair for run in runs for pair in heartbeat.in_work(run / heartbeat.NAME)]


def remove_runs(target: Path, owner: str = "") -> None:
    """Remove the folders of runs that have ended; their workers can rename nothing any more."""
    for run in (target / WORK).glob(f"{_RUN}{owner}*"):
        # Renamed first: a worker that is still alive then cannot add to it while it is removed.
        run.replace(run.with_name(run.name.replace(_RUN, _DEAD, 1)))
    for dead in (target / WORK).glob(f"{_DEAD}{owner}*"):
        shutil.rmtree(dead)


def remove_work(target: Path) -> None:
    """Remove all that the making of a set needed; its manifest stands."""
    if (target / WORK).is_dir():
        with disk_errors(target / WORK):
            remove_runs(target)
            shutil.rmtree(target / WORK)


def remove_records(target: Path) -> None:
    """Remove the records of finished shards and what was found of killers."""
    with disk_errors(target / WORK):
        for path in (target / WORK).iterdir():
            if path.is_file() and path.name != BEGUN:
                path.unlink()


def load_killers(target: Path) -> dict[int, dict[int, str]]:
    """Return what earlier runs found: slot -> position -> reason."""
    killers: dict[int, dict[int, str]] = {}
    for path in sorted((target / WORK).glob(f"{_KILLERS}*.json")):
        for slot, found in json.loads(path.read_bytes()).items():
            reasons = {int(position): str(reason) for position, reason in found.items()}
            killers.setdefault(int(slot), {}).update(reasons)
    return killers


def save_killers(target: Path, killers: Mapping[int, Mapping[int, str]], owner: str = "") -> None:
    """Keep what was found for the runs that continue this one."""
    content = {
        str(slot): {str(position): reason for position, reason in found.items()}
        for slot, found in killers.items()
    }
    write_atomically(target / WORK / f"{_KILLERS}{owner}.json", canonical_json(content))
