"""Shards are not made among the raw images: the next listing would take them for some."""

from __future__ import annotations

from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw import listfile
from alexprep.raw.containers import Folder
from alexprep.raw.source import RawSet


def check_apart(raw: RawSet, target: Path) -> None:
    """Check that the folder of the shards is none of those that are listed for images.

    Raises:
        RawError: it lies in one, or is one; an interrupted run could not be continued.
    """
    if raw.layout == listfile.NAME:  # only what is listed is read
        return
    for sources in raw.splits.values():
        container = sources[0].container
        if not isinstance(container, Folder):
            continue
        folder = Path(container.root)
        if target.resolve().is_relative_to(folder.resolve()):
            raise RawError(
                f"{target}: lies in {folder}, where all folders are read as raw images; name a "
                "folder outside it for the shards"
            )
