"""Raw sets of generated images, plans of them, and what a folder of shards holds."""

import hashlib
import os
from pathlib import Path

from alexprep.files import LOCK
from alexprep.planning.plan import make_plan
from alexprep.raw.detect import open_raw
from alexprep.settings import PrepSettings
from alexprep.shards.tar import read_shard
from tests.alexprep.pictures import jpeg, with_segment

HOOKS = Path(__file__).parent / "hooks"
PATHS = os.pathsep.join((str(HOOKS), str(HOOKS.parents[2])))  # PYTHONPATH of what misbehaves
KILL = b"kill whoever decodes this"
SETTINGS = PrepSettings(size=32, shard_size=6)


def make_raw(root, train=8, val=4, classes=3):
    """Class folders of small JPEGs, sizes vary."""
    for split, count in (("train", train), ("val", val)):
        for label in range(classes):
            folder = root / split / f"n0000000{label + 1}"
            folder.mkdir(parents=True)
            for i in range(count):
                data = jpeg(40 + 3 * i, 50 + 7 * (i % 3), seed=100 * label + 10 * i)
                (folder / f"{split}_{label}_{i}.JPEG").write_bytes(data)
    return root


def plan_of(raw, settings=SETTINGS, **options):
    return make_plan(open_raw(raw), settings, **options)


def make_killer(path):
    """Turn an image into one that kills the process that decodes it (see hooks)."""
    path.write_bytes(with_segment(path.read_bytes(), 0xFE, KILL))


def contents(folder):
    """Path -> SHA-256 of every file below a folder, hidden ones too, but the lock."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != LOCK
    }


def marks(folder):
    """Shard -> what changes when it is written again."""
    found = {path.name: path.stat() for path in folder.glob("*.tar")}
    return {name: (status.st_ino, status.st_mtime_ns) for name, status in found.items()}


def spoil(raw, name="train/n00000002/train_1_3.JPEG", data=b"<html>"):
    (raw / name).write_bytes(data)
    return name


def same_size(raw, sample):
    """Change a source, not its size."""
    path = raw / sample.source.name
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)


def check_all_is_whole(target, plan):
    """Every shard that can be seen holds all that was planned for it."""
    planned = {f"{task.name}.tar": len(task.samples) for task in plan.tasks}
    for path in target.glob("*.tar"):
        assert len(list(read_shard(path, "jpg"))) == planned[path.name]
