"""A large raw set of real images, made of a few: hard links, so that it takes no space."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from itertools import count as numbers
from pathlib import Path

ROOT = Path(__file__).parents[1]
ORIGINALS = ROOT.parent / "shared" / "data" / "imagenet-originals.tar"


def originals(archive: Path) -> dict[str, bytes]:
    """Return the images of a tar of train/<class>/<name>: "<class>/<name>" -> content.

    Exits where there is no such archive: nothing can be measured without it.
    """
    if not archive.is_file():
        sys.exit(f"{archive}: is not there; give a tar of train/<class>/<image> with --originals")
    images = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            parts = Path(member.name).parts
            if file is not None and len(parts) >= 3 and parts[-3] == "train":
                images["/".join(parts[-2:])] = file.read()
    if not images:
        sys.exit(f"{archive}: no train/<class>/<image> in it")
    return images


def replicate(images: dict[str, bytes], work: Path, count: int) -> Path:
    """Lay `count` files out as train/<class>/<name>, each image linked as often as it takes.

    Returns:
        The raw set, a folder in `work` that is made anew.
    """
    store, raw = work / "originals", work / f"raw-{count}"
    shutil.rmtree(raw, ignore_errors=True)
    for name, content in images.items():
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_bytes(content)
    left = count
    for copy in numbers():
        for name in images:
            if left == 0:
                return raw
            path = Path(name)
            os.link(store / path, raw / "train" / path.with_stem(f"{path.stem}_{copy}"))
            left -= 1
    return raw
