"""The manifest: what a set of shards is. It is written last; without it a set is unfinished."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alexprep.errors import SettingsError, ShardError
from alexprep.files import canonical_json, sha256_file, write_atomically
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index, index_name
from alexprep.shards.manifest_content import check_content

FORMAT_VERSION = 2
MANIFEST = "manifest.json"
FOREIGN = "foreign"  # layout of tars that others made, see foreign.py
WORK = ".work"  # records of finished shards while the manifest is not there yet


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """One shard as it was written and checked."""

    name: str  # "train-000000.tar"
    split: str
    samples: int
    bytes: int
    sha256: str
    skipped: int = 0  # bad raw images that it lacks
    repaired: int = 0
    converted: int = 0


@dataclass(frozen=True)
class Manifest:
    """A finished set of shards.

    The fingerprint is the SHA-256 of all the rest: two sets with the same fingerprint are the same
    bytes. Print it in a paper.
    """

    settings: PrepSettings
    codec: Mapping[str, str]  # Pillow, SIMD, libjpeg and their versions
    layout: str  # of the raw set
    label_order: str  # "wnid": classes sorted by name; "devkit", "own": see labels.py
    classes: tuple[str, ...]  # [label] -> folder name or wnid
    words: tuple[str, ...]  # [label] -> a name for people, the class itself where none is known
    shards: tuple[ShardRecord, ...]
    index_sha256: Mapping[str, str]  # split -> SHA-256 of its index
    glosses: tuple[str, ...] = ()  # [label] -> what it is, in a sentence; "" where none is known
    report_sha256: str = ""  # of report.json; "" where a set was not made from raw images

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that there are, in the order in which they were planned."""
        return tuple(dict.fromkeys(shard.split for shard in self.shards))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything in the manifest, in hexadecimal."""
        return hashlib.sha256(canonical_json(self._content())).hexdigest()

    def of(self, split: str) -> tuple[ShardRecord, ...]:
        """Return the shards of a split in order."""
        return tuple(shard for shard in self.shards if shard.split == split)

    def samples(self, split: str) -> int:
        """Return the number of samples of a split, 0 where there is no such split."""
        return sum(shard.samples for shard in self.of(split))

    def _content(self) -> dict[str, Any]:
        return {
            "format_version": FORMAT_VERSION,
            "settings": self.settings.to_dict(),
            "codec": dict(self.codec),
            "layout": self.layout,
            "label_order": self.label_order,
            "classes": list(self.classes),
            "words": list(self.words),
            "glosses": list(self.glosses),
            "samples": {split: self.samples(split) for split in self.splits},
            "shards": [asdict(shard) for shard in self.shards],
            "index_sha256": dict(self.index_sha256),
            **({"report_sha256": self.report_sha256} if self.report_sha256 else {}),
        }

    def save(self, folder: Path) -> None:
        """Write manifest.json; do it last."""
        write_atomically(folder / MANIFEST, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the content of manifest.json."""
        return canonical_json(self._content() | {"fingerprint": self.fingerprint})

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read the manifest of a set of shards.

        Raises:
            ShardError: no shards there, unfinished, of another format version, or edited.
        """
        content = _read(folder)
        version = content.get("format_version")
        if version != FORMAT_VERSION:
            raise ShardError(
                f"{folder}: these shards have format version {version}; this program reads "
                f"version {FORMAT_VERSION}: use the alexkit that made them, or make them again"
            )
        manifest = _parse(folder, content)
        if content.get("fingerprint") != manifest.fingerprint:
            raise ShardError(
                f"{folder / MANIFEST}: was changed after it was written (it says fingerprint "
                f"{str(content.get('fingerprint'))[:16]}, its content has "
                f"{manifest.fingerprint[:16]}); make the shards again with `alexprep shard`"
            )
        return manifest

    def check_files(self, folder: Path, splits: Sequence[str] | None = None) -> None:
        """Check that each shard is there with its size and that none is there beside.

        Nothing is hashed: `alexprep verify` does that.

        Raises:
            ShardError: names the first shard that is missing, of another size, or too many.
        """
        wanted = self.splits if splits is None else splits
        for shard in self.shards:
            if shard.split in wanted:
                _check_size(folder / shard.name, shard.bytes)
        known = {shard.name for shard in self.shards}
        for path in sorted(folder.glob("*.tar")):
            if path.name not in known:
                raise ShardError(f"{path}: the manifest does not list this shard; move it away")

    def check_index(self, folder: Path, split: str) -> None:
        """Check a split's index against the manifest.

        Raises:
            ShardError: the index is missing or was changed.
        """
        path = folder / index_name(split)
        found = sha256_file(path) if path.is_file() else "no such file"
        if found != self.index_sha256.get(split):
            raise ShardError(
                f"{path}: is not the index that the manifest names (sha256 {found[:16]} found, "
                f"{str(self.index_sha256.get(split))[:16]} expected); "
                "make the shards again with `alexprep shard`"
            )

    def load_index(self, folder: Path, split: str) -> Index:
        """Read a split's index, once it has been checked.

        Raises:
            ShardError: it is missing, was changed, or places samples where the shards have none.
        """
        self.check_index(folder, split)
        path = folder / index_name(split)
        index, shards = Index.load(path), self.of(split)
        if [shard.samples for shard in shards] != index.shard_sizes.tolist():
            raise ShardError(f"{path}: disagrees with the manifest about the samples; {_ANEW}")
        outside = any(
            end > shard.bytes for end, shard in zip(index.ends().tolist(), shards, strict=True)
        )
        if outside or index.labels.max(initial=-1) >= len(self.classes):
            raise ShardError(f"{path}: disagrees with shards or classes of the manifest; {_ANEW}")
        return index


def _read(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ShardError(_no_manifest(folder)) from error
    except OSError as error:
        raise ShardError(
            f"{path}: cannot be read ({error.strerror}); see to its permissions and its disk"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ShardError(
            f"{path}: cannot be read ({error}); make the shards again with `alexprep shard`"
        ) from error
    if not isinstance(content, dict):
        raise ShardError(f"{path}: is not a manifest of alexprep; name a folder that it made")
    return content


def _no_manifest(folder: Path) -> str:
    if folder.is_file():
        return f"{folder}: is a file; name the folder of the shards"
    if not folder.is_dir():
        return f"{folder}: no such folder; make shards with `alexprep shard RAW {folder}`"
    if (folder / WORK).is_dir():
        return (
            f"{folder}: the shards are unfinished (no {MANIFEST}); run the same "
            "`alexprep shard` command again, it continues"
        )
    return f"{folder}: holds no shards of alexprep (no {MANIFEST}); make them with `alexprep shard`"


def _parse(folder: Path, content: dict[str, Any]) -> Manifest:
    try:
        check_content(content)
        return Manifest(
            settings=PrepSettings.from_dict(content["settings"]),
            codec=content["codec"],
            layout=content["layout"],
            label_order=content["label_order"],
            classes=tuple(content["classes"]),
            words=tuple(content["words"]),
            glosses=tuple(content["glosses"]),
            shards=tuple(ShardRecord(**shard) for shard in content["shards"]),
            index_sha256=content["index_sha256"],
            report_sha256=content.get("report_sha256", ""),
        )
    except (ValueError, TypeError, SettingsError) as error:
        raise ShardError(
            f"{folder / MANIFEST}: is damaged ({error}); "
            "make the shards again with `alexprep shard`"
        ) from error


def _check_size(path: Path, expected: int) -> None:
    if not path.is_file():
        raise ShardError(f"{path}: this shard is missing; {_MEND}")
    found = path.stat().st_size
    if found != expected:
        raise ShardError(
            f"{path}: has {found:,} bytes where the manifest says {expected:,}; {_MEND}"
        )


_ANEW = "make the shards again with `alexprep shard`"
_MEND = "run the same `alexprep shard` command again with --recheck to make it anew"
