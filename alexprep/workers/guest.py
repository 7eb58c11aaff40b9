"""A shard made on a machine that is not the one that planned it: what is checked there first."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from alexprep import __version__
from alexprep.errors import ShardError
from alexprep.files import write_atomically
from alexprep.images.transform import codec
from alexprep.planning.plan import Task
from alexprep.records.begun import codec_differences
from alexprep.shards.manifest import ShardRecord
from alexprep.workers import heartbeat
from alexprep.workers.rescue import kills_alone
from alexprep.workers.worker import Job, make_shard


@dataclass(frozen=True)
class Guest:
    """What a machine needs to know of the run that it works for; paths are absolute."""

    job: Job
    codec: Mapping[str, str]  # that the set was begun with
    version: str = __version__


class Call(NamedTuple):
    """One shard to make."""

    slot: int  # its place in the plan
    task: Task
    skip: Mapping[int, str]  # position -> reason


def check_machine(guest: Guest) -> None:
    """Check that this machine makes the same bytes and puts them into the same folder.

    Raises:
        ShardError: another codec or another alexkit here, or the target is not to be seen.
    """
    here = platform.node()
    if __version__ != guest.version:
        raise ShardError(
            f"{here} has alexkit {__version__}, this run is of {guest.version}; install the same "
            "on every machine"
        )
    different = codec_differences(guest.codec, codec(guest.job.settings.format))
    if different:
        raise ShardError(
            f"{here} has another codec than the run, there and here {', '.join(different)}; "
            "install the same on every machine, or leave this one out"
        )
    if not guest.job.run.is_dir():
        raise ShardError(
            f"{here} does not see {guest.job.target} as this run does; name a folder on a file "
            "system that all machines share, under the same path on each"
        )


def make_as_guest(guest: Guest, call: Call) -> tuple[int, ShardRecord]:
    """Make one shard; see `worker.make_shard`.

    Where an earlier attempt ended in the middle of an image, with the process that made it, that
    image is tried alone first, in a fresh process of this machine.

    Raises:
        ShardError: see `check_machine`.
    """
    check_machine(guest)
    job, (slot, task, skip) = guest.job, call
    killers = {**skip, **_killers(job, call)}
    return slot, make_shard(job, task, slot, killers)


def _killers(job: Job, call: Call) -> dict[int, str]:
    """Return position -> reason of what has killed earlier attempts at this shard."""
    path = job.run / f"killers-{call.slot}.json"
    known = json.loads(path.read_bytes()) if path.is_file() else {}
    killers = {int(position): str(reason) for position, reason in known.items()}
    position = heartbeat.position(job.run / heartbeat.NAME, call.slot)
    if position is not None and position < len(call.task.samples):
        reason = kills_alone(call.task.samples[position].source, job.settings)
        if reason is not None:
            killers[position] = reason
            write_atomically(path, json.dumps(killers).encode("ascii"))
    return killers
