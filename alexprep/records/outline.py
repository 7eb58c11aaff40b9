"""A plan without its samples, kept with an unfinished set: all that its end needs."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from alexprep.errors import ShardError
from alexprep.files import canonical_json, write_atomically
from alexprep.planning.plan import Plan, Task
from alexprep.records.record import origin
from alexprep.settings import PrepSettings
from alexprep.shards.manifest import WORK

_NAME = "plan.json"
_OWN = ("settings", "tasks", "warnings")  # said in another way, or not needed


@dataclass(frozen=True)
class Outline:
    """What was planned, beside which sample lies where."""

    plan: Plan  # its tasks hold no samples
    origins: tuple[str, ...]  # of the tasks; see record.py

    @classmethod
    def of(cls, plan: Plan) -> Outline:
        """Return the outline of a plan."""
        return cls(plan, tuple(origin(task) for task in plan.tasks))

    def save(self, target: Path) -> None:
        """Write it into the work folder, unless the same is there."""
        plan = self.plan
        content = {field.name: getattr(plan, field.name) for field in fields(Plan)}
        content |= {
            "settings": plan.settings.to_dict(),
            "tasks": [[task.split, task.number] for task in plan.tasks],
            "origins": self.origins,
        }
        del content["warnings"]
        path, data = target / WORK / _NAME, canonical_json(content)
        if not path.is_file() or path.read_bytes() != data:
            write_atomically(path, data)

    @classmethod
    def load(cls, target: Path) -> Outline:
        """Read it back.

        Raises:
            ShardError: nothing was begun there, or the file is damaged.
        """
        path = target / WORK / _NAME
        try:
            content: dict[str, Any] = json.loads(path.read_bytes())
            own = {
                field.name: _frozen(content[field.name])
                for field in fields(Plan)
                if field.name not in _OWN
            }
            tasks = tuple(Task(split, number, ()) for split, number in content["tasks"])
            settings = PrepSettings.from_dict(content["settings"])
            plan = Plan(settings=settings, tasks=tasks, warnings=(), **own)
            return cls(plan, tuple(content["origins"]))
        except FileNotFoundError as error:
            raise ShardError(
                f"{target}: holds no shards that were made in parts; make them with "
                "`alexprep shard RAW SHARDS --part I/N`"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ShardError(
                f"{path}: is damaged ({error}); make one of the parts again, which writes it anew"
            ) from error


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
