"""What a set of shards was begun with; it is continued with the same, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexprep.errors import SettingsError, ShardError
from alexprep.files import canonical_json, disk_errors, write_atomically
from alexprep.planning.plan import Plan
from alexprep.records.record import structure
from alexprep.settings import PrepSettings
from alexprep.shards.manifest import WORK

BEGUN = "begun.json"
_REMEDY = "repeat the command that began it, or name another folder"


@dataclass(frozen=True)
class Begun:
    """What a set of shards was begun with; the same is needed to continue it."""

    settings: PrepSettings
    codec: Mapping[str, str]
    structure: str
    samples: int
    shards: tuple[str, ...] = ()  # their file names: what belongs to the set, finished or not

    @classmethod
    def of(cls, plan: Plan, codec: Mapping[str, str]) -> Begun:
        """Return what this command begins with."""
        shards = tuple(f"{task.name}.tar" for task in plan.tasks)
        return cls(plan.settings, codec, structure(plan.tasks), plan.samples(), shards)

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
            "shards": self.shards,
        }
        write_atomically(work / BEGUN, canonical_json(content))


def check_continues(target: Path, begun: Begun) -> None:
    """Check an unfinished set against this command; nothing where nothing was begun.

    Raises:
        ShardError: other settings, another codec or other raw images; names the difference.
    """
    path = target / WORK / BEGUN
    if not path.is_file():
        return
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        if not isinstance(content["codec"], dict):
            raise TypeError("codec")
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
    different = codec_differences(codec, begun.codec)
    if different:
        raise ShardError(
            f"{target}: was begun with another codec, there and here {', '.join(different)}; "
            "install what it was begun with, or name another folder"
        )


def codec_differences(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Return one phrase for each part of the codec that differs: "libjpeg 9e and 9f"."""
    return [
        f"{name} {str(there.get(name))[:24]} and {str(here.get(name))[:24]}"
        for name in sorted(set(there) | set(here))
        if there.get(name) != here.get(name)
    ]


def other_images(target: Path, there: int, here: int) -> str:
    """Return the sentence on a set that was made from other raw images."""
    counts = f"{there:,} there, {here:,} here" if there != here else f"{here:,} with other names"
    return f"{target}: was begun from other raw images ({counts}); {_REMEDY}"
