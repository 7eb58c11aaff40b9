"""SHARDS while it is worked on: whose it is, what was begun there, and this run's own folder.

SHARDS/.work/begun.json      settings, codec and raw images that the set was begun with
SHARDS/.work/train-000000.*  records of finished shards
SHARDS/.work/killers.json    images that kill the process that decodes them
SHARDS/.work/run-.../        what one run has not finished; no other run touches it but to
                             remove it, so that workers that outlived their parent fail
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexprep import heartbeat
from alexprep.errors import SettingsError, ShardError
from alexprep.files import LOCK, canonical_json, disk_errors, write_atomically
from alexprep.plan import Plan
from alexprep.record import structure
from alexprep.settings import PrepSettings
from alexprep.shards.manifest import MANIFEST, WORK, Manifest

_BEGUN = "begun.json"
_KILLERS = "killers.json"
_RUN, _DEAD = "run-", "dead-"
_REMEDY = "repeat the command that began it, or name another folder"


@dataclass(frozen=True)
class Begun:
    """What a set of shards was begun with; the same is needed to continue it."""

    settings: PrepSettings
    codec: Mapping[str, str]
    structure: str
    samples: int

    @classmethod
    def of(cls, plan: Plan, codec: Mapping[str, str]) -> Begun:
        """Return what this command begins with."""
        return cls(plan.settings, codec, structure(plan.tasks), plan.samples())

    def save(self, target: Path) -> None:
        """Write it into the work folder, which is made."""
        work = target / WORK
        with disk_errors(work):
            work.mkdir(exist_ok=True)
        content = {
            "settings": self.settings.to_dict(),
            "codec": dict(self.codec),
            "structure": self.structure,
            "samples": self.samples,
        }
        write_atomically(work / _BEGUN, canonical_json(content))


def claim(target: Path) -> None:
    """Make the folder of the shards, or check that it is empty or holds shards of ours.

    Raises:
        ShardError: it holds something else.
        DiskError: it cannot be made.
    """
    with disk_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in target.iterdir()}
    ours = MANIFEST in names or (target / WORK / _BEGUN).is_file()
    others = sorted(names - {LOCK, WORK, "lost+found"})
    if others and not ours:
        raise ShardError(
            f"{target}: is not empty and holds no shards of alexprep (there is {others[0]}); "
            "name an empty or a new folder"
        )


def check_continues(target: Path, begun: Begun) -> None:
    """Check an unfinished set against this command; nothing where nothing was begun.

    Raises:
        ShardError: other settings, another codec or other raw images; names the difference.
    """
    path = target / WORK / _BEGUN
    if not path.is_file():
        return
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        check_same(target, begun, PrepSettings.from_dict(content["settings"]), content["codec"])
        same = content["structure"] == begun.structure
        samples = int(content["samples"])
    except (ValueError, KeyError, TypeError, SettingsError) as error:
        raise ShardError(
            f"{path}: is damaged ({error}); remove {target} and make the shards anew"
        ) from error
    if not same:
        raise ShardError(other_images(target, samples, begun.samples))


def check_same(
    target: Path, begun: Begun, settings: PrepSettings, codec: Mapping[str, str]
) -> None:
    """Check settings and codec of a set against this command's.

    Raises:
        ShardError: names each difference.
    """
    different = settings.differences(begun.settings)
    if different:
        raise ShardError(
            f"{target}: was begun with other settings, there and here {', '.join(different)}; "
            f"{_REMEDY}"
        )
    names = sorted(set(codec) | set(begun.codec))
    different = [
        f"{name} {str(codec.get(name))[:24]} and {str(begun.codec.get(name))[:24]}"
        for name in names
        if codec.get(name) != begun.codec.get(name)
    ]
    if different:
        raise ShardError(
            f"{target}: was begun with another codec, there and here {', '.join(different)}; "
            "install what it was begun with, or name another folder"
        )


def other_images(target: Path, there: int, here: int) -> str:
    """Return the sentence on a set that was made from other raw images."""
    counts = f"{there:,} there, {here:,} here" if there != here else f"{here:,} with other names"
    return f"{target}: was begun from other raw images ({counts}); {_REMEDY}"


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
