"""The record of a finished shard: all that index, report and manifest need of it.

While a set is unfinished, records lie in SHARDS/.work, one for each shard; those of a finished set
are in its index, report and manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from alexprep.errors import ShardError
from alexprep.planning.plan import Task
from alexprep.raw.source import shown
from alexprep.records.report import SKIPPED, Outcome
from alexprep.shards.index import Index
from alexprep.shards.manifest import ShardRecord
from alexprep.shards.manifest_content import check_shard

_NUMBERS = {
    "shard_sizes": "<i8",
    "offsets": "<i8",
    "sizes": "<i4",
    "labels": "<i4",
    "source_sizes": "<i8",
}


@dataclass(frozen=True)
class Record:
    """One finished shard and what it was made from."""

    shard: ShardRecord
    origin: str  # of the task: see `origin`
    outcomes: tuple[Outcome, ...]
    index: Index  # of this shard alone

    def to_bytes(self) -> bytes:
        """Return the record as JSON."""
        content = {
            "shard": asdict(self.shard),
            "origin": self.origin,
            "outcomes": self.outcomes,
            **{name: getattr(self.index, name).tolist() for name in _NUMBERS},
            "source_hashes": self.index.source_hashes.tobytes().hex(),
            "keys": self.index.key_text.tobytes().decode("ascii"),
        }
        return json.dumps(content, separators=(",", ":")).encode("ascii")

    @classmethod
    def load(cls, path: Path) -> Record | None:
        """Read a record back; None where there is none that is whole: the shard is to be made."""
        try:
            content = json.loads(path.read_bytes())
            hashes = np.frombuffer(bytes.fromhex(content["source_hashes"]), np.uint8)
            index = Index(
                **{name: np.array(content[name], kind) for name, kind in _NUMBERS.items()},
                source_hashes=hashes.reshape(-1, 32),
                key_text=np.frombuffer(content["keys"].encode("ascii"), np.uint8),
            )
            index.check(path)
            check_shard(content["shard"])
            if content["shard"]["name"] != f"{path.stem}.tar":
                return None
            return cls(
                shard=ShardRecord(**content["shard"]),
                origin=content["origin"],
                outcomes=tuple(Outcome(*values) for values in content["outcomes"]),
                index=index,
            )
        except (OSError, ValueError, KeyError, TypeError, ShardError):
            return None

    def hashes(self, task: Task) -> dict[str, str]:
        """Return the SHA-256 of each source of the task, by name, as it was when it was read."""
        skipped = skipped_by_file(self.outcomes)
        stored = (digest.tobytes().hex() for digest in self.index.source_hashes)
        hashes = {}
        for _, _, source in task.samples:
            bad = skipped.get(shown(source.name))
            hashes[source.name] = next(stored) if bad is None else bad.sha256
        return hashes


def record_name(task: Task) -> str:
    """Return the file name of the record of a task's shard."""
    return f"{task.name}.json"


def skipped_by_file(outcomes: Sequence[Outcome]) -> dict[str, Outcome]:
    """Return the outcomes of skipped files by file."""
    return {outcome.file: outcome for outcome in outcomes if outcome.done == SKIPPED}


def origin(task: Task) -> str:
    """Return the SHA-256 of keys, labels and source sizes: what a shard is planned from."""
    lines = "".join(f"{key}\t{label}\t{source.size}\n" for key, label, source in task.samples)
    return hashlib.sha256(lines.encode("ascii")).hexdigest()


def structure(tasks: Sequence[Task]) -> str:
    """Return the SHA-256 of keys and labels of all shards: which raw images there are."""
    digest = hashlib.sha256()
    for task in tasks:
        lines = "".join(f"{key}\t{label}\n" for key, label, _ in task.samples)
        digest.update(f"{task.name}\n{lines}".encode("ascii"))
    return digest.hexdigest()


def join(indexes: Sequence[Index]) -> Index:
    """Return the index of a split from those of its shards, in order."""
    return Index(
        **{
            field.name: np.concatenate([getattr(index, field.name) for index in indexes])
            for field in fields(Index)
        }
    )


def part(index: Index, keys: Sequence[str], shard: int) -> Index:
    """Return the index of one shard from that of its split; `keys` are all keys of the split."""
    start = int(index.shard_sizes[:shard].sum())
    end = start + int(index.shard_sizes[shard])
    text = "".join(f"{key}\n" for key in keys[start:end]).encode("ascii")
    return Index(
        shard_sizes=index.shard_sizes[shard : shard + 1],
        offsets=index.offsets[start:end],
        sizes=index.sizes[start:end],
        labels=index.labels[start:end],
        source_sizes=index.source_sizes[start:end],
        source_hashes=index.source_hashes[start:end],
        key_text=np.frombuffer(text, np.uint8),
    )
