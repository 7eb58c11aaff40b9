"""What a run that was killed has left: which tars are whole, and which only seem to be."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 512


@dataclass
class LeftOver:
    """Of all tars in a folder that a reader of *.tar would open."""

    shards: int = 0
    samples: int = 0  # readable, image and all
    silent: int = 0  # tars that end early, and reading them gives no error
    loud: int = 0  # tars of which reading gives an error
    halves: int = 0  # samples of which a reader sees a part

    def __str__(self) -> str:
        return (
            f"{self.shards} tars, {self.samples:,} samples can be read; "
            f"{self.silent} tars cut with no error on reading, {self.loud} with one, "
            f"{self.halves} samples in part"
        )


def examine(folder: Path) -> LeftOver:
    """Read every tar of a folder as webdataset does: as a stream, until it ends."""
    found = LeftOver()
    for path in sorted(folder.glob("*.tar")):
        found.shards += 1
        members, error = _members(path)
        keys: dict[str, set[str]] = {}
        for name in members:
            key, _, extension = name.partition(".")
            keys.setdefault(key, set()).add(extension)
        most = max(map(len, keys.values()), default=0)
        found.samples += sum(len(extensions) == most for extensions in keys.values())
        found.halves += sum(len(extensions) < most for extensions in keys.values())
        if error:
            found.loud += 1
        elif not _has_end(path):
            found.silent += 1
    return found


def _members(path: Path) -> tuple[list[str], bool]:
    names: list[str] = []
    try:
        with tarfile.open(path, "r|") as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is not None:
                    file.read()
                    names.append(member.name)
    except (tarfile.ReadError, OSError):
        return names, True
    return names, False


def _has_end(path: Path) -> bool:
    """Tell whether two empty blocks end the archive."""
    data = path.read_bytes()[-2 * _BLOCK :]
    return data == bytes(2 * _BLOCK)
