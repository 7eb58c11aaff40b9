"""SHARDS while it is worked on: whose it is, and what lies in its work folder.

- .work/begun.json: see begun.py
- .work/train-000000.json: records of finished shards, see record.py
- .work/train-000000.npz: moments of finished shards, see shard_moments.py
- .work/killers.json: images that kill the process that decodes them
- .work/run-.../: what one run has not finished. No other run touches it but to remove it, so
  that workers that outlived their parent have nothing left to rename.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from alexprep import heartbeat
from alexprep.begun import BEGUN
from alexprep.errors import ShardError
from alexprep.files import LOCK, canonical_json, disk_errors, write_atomically
from alexprep.shards.manifest import MANIFEST, WORK

_KILLERS = "killers.json"
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


def open_run(target: Path, slots: int) -> Path:
    """Make this run's own folder with the heartbeat file in it.

    Raises:
        DiskError: the disk is full or cannot be written.
    """
    with disk_errors(target / WORK):
        run = Path(tempfile.mkdtemp(prefix=_RUN, dir=target / WORK))
        heartbeat.create(run / heartbeat.NAME, slots)
    return run


def left_in_work(target: Path) -> list[tuple[int, int]]:
    """Return (slot, position) of what was in work when earlier runs died."""
    runs = sorted((target / WORK).glob(f"{_RUN}*"))
    return [pair for run in runs for pair in heartbeat.in_work(run / heartbeat.NAME)]


def remove_runs(target: Path) -> None:
    """Remove the folders of runs that have ended; their workers can rename nothing any more."""
    for run in (target / WORK).glob(f"{_RUN}*"):
        # Renamed first: a worker that is still alive then cannot add to it while it is removed.
        run.replace(run.with_name(run.name.replace(_RUN, _DEAD, 1)))
    for dead in (target / WORK).glob(f"{_DEAD}*"):
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
    path = target / WORK / _KILLERS
    if not path.is_file():
        return {}
    content = json.loads(path.read_bytes())
    return {
        int(slot): {int(position): str(reason) for position, reason in found.items()}
        for slot, found in content.items()
    }


def save_killers(target: Path, killers: Mapping[int, Mapping[int, str]]) -> None:
    """Keep what was found for the runs that continue this one."""
    content = {
        str(slot): {str(position): reason for position, reason in found.items()}
        for slot, found in killers.items()
    }
    write_atomically(target / WORK / _KILLERS, canonical_json(content))
