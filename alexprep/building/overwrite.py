"""A set made room for by another: what it is known to consist of is removed, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from alexprep.building.finish import INFO
from alexprep.errors import ShardError
from alexprep.files import disk_errors, lock_directory, sync_folder
from alexprep.images.transform import codec
from alexprep.planning.plan import Plan
from alexprep.records.begun import BEGUN, Begun
from alexprep.records.report import CSV_NAME, JSON_NAME
from alexprep.shards.index import index_name
from alexprep.shards.manifest import MANIFEST, WORK, Manifest
from alexprep.shards.statistics import STATISTICS
from alexprep.workers import workplace


def overwrite(target: Path, plan: Plan) -> int:
    """Remove the set in a folder and begin that of `plan`; files of others stay.

    What belongs to it is said by its manifest, or by what an unfinished set was begun with. May be
    interrupted: the same command removes the rest.

    Returns:
        How many files were removed; 0 where there was no set.

    Raises:
        ShardError: the folder holds something else, or a manifest that cannot be believed.
        DiskError: it cannot be written, or another run holds it.
    """
    if not target.is_dir():
        return 0
    workplace.claim(target)
    with lock_directory(target):
        begun = target / WORK / BEGUN
        if (target / MANIFEST).is_file():
            _disown(target, Manifest.load(target))
        if not begun.is_file():
            return 0
        removed = 0
        with disk_errors(target):
            for name in _names(begun):
                path = target / name
                removed += path.is_file()
                path.unlink(missing_ok=True)
            sync_folder(target)
        workplace.remove_runs(target)
        workplace.remove_records(target)
        Begun.of(plan, codec(plan.settings.format)).save(target)
    return removed


def _disown(target: Path, manifest: Manifest) -> None:
    """Make a finished set an unfinished one: from here on it is no longer whole."""
    shards = tuple(shard.name for shard in manifest.shards)
    Begun(manifest.settings, manifest.codec, "overwritten", 0, shards).save(target)
    with disk_errors(target):
        (target / MANIFEST).unlink()


def _names(begun: Path) -> list[str]:
    """Return the names of all files that a set may have, from what it was begun with."""
    try:
        shards = [str(name) for name in json.loads(begun.read_bytes())["shards"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ShardError(
            f"{begun}: does not say which files belong to the set ({error}); "
            f"remove {begun.parent.parent} yourself"
        ) from error
    strange = [name for name in shards if Path(name).name != name or not name.endswith(".tar")]
    if strange:
        raise ShardError(f"{begun}: {strange[0]!r} is no name of a shard; remove the set yourself")
    splits = dict.fromkeys(name.rpartition("-")[0] for name in shards)
    return [*shards, *map(index_name, splits), INFO, CSV_NAME, JSON_NAME, STATISTICS]
