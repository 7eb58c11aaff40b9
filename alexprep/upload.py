"""A finished set of shards put behind a URL: shards first, manifest last."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from alexprep.errors import ShardError
from alexprep.files import canonical_json, sha256_file, write_atomically
from alexprep.remote import transfer, urls
from alexprep.shards.fetched import BESIDE, remote_manifest
from alexprep.shards.index import index_name
from alexprep.shards.manifest import MANIFEST, Manifest

_SENT = ".sent.json"  # what an upload that was stopped had sent already; removed at the end


def check_free(url: str, manifest: Manifest | None) -> None:
    """Check before any work that a URL can be written to and holds no other set.

    Args:
        url: Where the set is to go.
        manifest: Of the set that lies here finished; None where it is not made yet.

    Raises:
        RawError: its scheme is only read, or the server fails or refuses.
        ShardError: another finished set is there.
    """
    urls.check_target(url)
    there = remote_manifest(url)
    if there is not None and (manifest is None or there.fingerprint != manifest.fingerprint):
        raise ShardError(
            f"{urls.shown_url(url)}: holds another finished set (fingerprint "
            f"{there.fingerprint[:16]}); remove it, or name another place"
        )


def upload(folder: Path, url: str, sent: Callable[[int], None] | None = None) -> int:
    """Put a finished set behind a URL. A run that was stopped is continued.

    Args:
        folder: The set.
        url: Of the folder that it becomes.
        sent: Hears the bytes of each shard that was sent, or need not be.

    Returns:
        How many files were sent.

    Raises:
        RawError: its scheme is only read, or the server fails or refuses.
        ShardError: another finished set is there.
    """
    manifest = Manifest.load(folder)
    check_free(url, manifest)
    if remote_manifest(url) is not None:
        return 0
    hashes = {shard.name: shard.sha256 for shard in manifest.shards}
    hashes |= {index_name(split): digest for split, digest in manifest.index_sha256.items()}
    hashes |= {name: sha256_file(folder / name) for name in BESIDE if (folder / name).is_file()}
    done = _load(folder / _SENT, url)
    count = 0
    for name, digest in hashes.items():
        if done.get(name) != digest:
            transfer.upload(folder / name, urls.below(url, name))
            done[name] = digest
            write_atomically(folder / _SENT, canonical_json({"url": url, "files": done}))
            count += 1
        if sent is not None:
            sent((folder / name).stat().st_size)
    transfer.upload(folder / MANIFEST, urls.below(url, MANIFEST))
    (folder / _SENT).unlink(missing_ok=True)
    return count + 1


def _load(path: Path, url: str) -> dict[str, str]:
    """Return what was sent before, by name, of an upload to the same place."""
    if not path.is_file():
        return {}
    content = json.loads(path.read_bytes())
    return dict(content["files"]) if content.get("url") == url else {}
