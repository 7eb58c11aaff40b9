"""Index files by which other readers find their way in our shards: DALI's and wids's.

Nothing of ours reads them; they say what our own index says, in another form.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from alexprep.errors import ShardError
from alexprep.files import canonical_json, disk_errors, write_atomically
from alexprep.shards.index import Index, index_name
from alexprep.shards.manifest import FOREIGN, Manifest
from alexprep.shards.sample import LABEL_EXTENSION, encode_label, member_name
from alexprep.shards.tar import BLOCK

_DALI_VERSION = "v1.2"  # nvidia/dali, tools/wds2idx.py
_WIDS_VERSION = 1  # wids/wids_specs.py


def write_dali(directory: Path, into: Path | None = None) -> list[Path]:
    """Write an `.idx` for each shard, the same bytes as DALI's own `wds2idx` writes.

    Args:
        directory: A finished set of shards.
        into: Folder of the files; None: beside the shards.

    Raises:
        ShardError: no finished set, one of foreign tars, or an index that was changed.
        DiskError: the files cannot be written.
    """
    manifest = Manifest.load(directory)
    if manifest.layout == FOREIGN:
        raise ShardError(
            f"{directory}: holds tars that others made, of which only the images are indexed; "
            "use DALI's own wds2idx"
        )
    folder = _folder(directory, into)
    paths = []
    for split in manifest.splits:
        lines = _dali_lines(manifest.load_index(directory, split), manifest.settings.format)
        for shard in manifest.of(split):
            text = "".join(f"{next(lines)}\n" for _ in range(shard.samples))
            path = folder / Path(shard.name).with_suffix(".idx").name
            write_atomically(path, f"{_DALI_VERSION} {shard.samples}\n{text}".encode("ascii"))
            paths.append(path)
    return paths


def _dali_lines(index: Index, extension: str) -> Iterator[str]:
    """Yield for each sample extension, offset, size and name of its two members."""
    places = zip(
        index.keys(),
        index.offsets.tolist(),
        index.sizes.tolist(),
        index.labels.tolist(),
        strict=True,
    )
    for key, offset, size, label in places:
        # The image fills whole blocks; then comes the header of the label.
        label_offset = offset + -(-size // BLOCK) * BLOCK + BLOCK
        label_size = len(encode_label(label))
        image, number = member_name(key, extension), member_name(key, LABEL_EXTENSION)
        yield f"{extension} {offset} {size} {image} cls {label_offset} {label_size} {number}"


def write_wids(directory: Path, into: Path | None = None) -> list[Path]:
    """Write a description of each split as wids reads it, `index-train.json`.

    Args:
        directory: A finished set of shards.
        into: Folder of the files, which then hold the shards' full paths; None: beside the shards.

    Raises:
        ShardError: no finished set.
        DiskError: the files cannot be written.
    """
    manifest = Manifest.load(directory)
    folder = _folder(directory, into)
    base = "" if into is None else f"{directory.absolute()}/"
    paths = []
    for split in manifest.splits:
        content = {
            "wids_version": _WIDS_VERSION,
            "name": f"{split}-{manifest.fingerprint[:16]}",
            "shardlist": [
                {"url": f"{base}{shard.name}", "nsamples": shard.samples, "filesize": shard.bytes}
                for shard in manifest.of(split)
            ],
        }
        path = folder / Path(index_name(split)).with_suffix(".json").name
        write_atomically(path, canonical_json(content))
        paths.append(path)
    return paths


def _folder(directory: Path, into: Path | None) -> Path:
    folder = directory if into is None else into
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder
