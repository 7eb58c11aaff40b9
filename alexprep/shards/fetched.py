"""A set of shards behind a URL, brought into a folder of this machine and kept there.

Shards are read at random and many times, so they are worth a copy. A file that has come is checked
by its SHA-256 in the manifest; the manifest comes last, so a copy that is not whole never looks so.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from alexprep.errors import DiskError, ShardError
from alexprep.files import (
    atomic_file,
    disk_errors,
    free_bytes,
    lock_directory,
    sha256_file,
    write_all,
    write_atomically,
)
from alexprep.remote import transfer, urls
from alexprep.shards.index import index_name
from alexprep.shards.manifest import MANIFEST, Manifest
from alexprep.threads import Beat, in_threads

CACHE = "ALEXKIT_CACHE"  # the environment's name for the folder of all copies
BESIDE = ("_info.json", "report.csv", "report.json", "stats.npz")  # brought where they are there
_AT_ONCE = 4  # files
_RUN = 8 << 20  # bytes a request


class _Wanted(NamedTuple):
    name: str
    size: int | None  # None: small, and fetched whole
    sha256: str


def copy_folder(url: str) -> Path:
    """Return the folder of this machine that a remote set is copied to."""
    top = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "alexkit")
    shown = urls.shown_url(urls.check_url(url)).rstrip("/")
    return top / f"{PurePosixPath(shown).name}-{hashlib.sha256(shown.encode()).hexdigest()[:12]}"


def remote_manifest(url: str) -> Manifest | None:
    """Return the manifest of a remote set; None where there is no finished set.

    Raises:
        RawError: the server fails or refuses.
        ShardError: it is damaged, or of another version.
    """
    data = _manifest_bytes(url)
    return None if data is None else _parse(url, data)


def fetch(
    url: str,
    to_fetch: Callable[[int, Path], None] | None = None,
    fetched: Callable[[int], None] | None = None,
) -> Path:
    """Bring a remote set into its folder here; what is there already, and whole, stays.

    Args:
        url: Of the folder of shards.
        to_fetch: Hears once how many bytes are missing, and the folder.
        fetched: Hears how many came since the last time.

    Returns:
        The folder with the copy.

    Raises:
        RawError: the server fails or refuses.
        ShardError: there is no finished set, or a file that came is not the one of the manifest.
        DiskError: no room for it, or another run is at it.
    """
    folder = copy_folder(url)
    data = _manifest_bytes(url)
    if data is None:
        raise ShardError(
            f"{urls.shown_url(url)}: holds no finished set of shards (no {MANIFEST}); make it "
            "with `alexprep shard`"
        )
    manifest = _parse(url, data)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with lock_directory(folder):
        same = (folder / MANIFEST).is_file() and (folder / MANIFEST).read_bytes() == data
        if same and all(_looks_whole(folder, wanted) for wanted in _listed(manifest)):
            return folder
        (folder / MANIFEST).unlink(missing_ok=True)
        missing = [wanted for wanted in _listed(manifest) if not _is_there(folder, wanted)]
        total = sum(wanted.size or 0 for wanted in missing)
        _check_room(folder, total)
        if to_fetch is not None:
            to_fetch(total, folder)
        _bring_all(url, folder, missing, fetched)
        if not same:  # statistics may have been measured here
            _bring_beside(url, folder)
        write_atomically(folder / MANIFEST, data)
    return folder


def _manifest_bytes(url: str) -> bytes | None:
    place = urls.below(urls.check_url(url), MANIFEST)
    return transfer.read_whole(place) if transfer.exists(place) else None


def _parse(url: str, data: bytes) -> Manifest:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / MANIFEST).write_bytes(data)
        try:
            return Manifest.load(Path(folder))
        except ShardError as error:
            raise ShardError(str(error).replace(folder, urls.shown_url(url))) from error


def _bring_all(
    url: str, folder: Path, missing: list[_Wanted], fetched: Callable[[int], None] | None
) -> None:
    def bring(wanted: _Wanted, beat: Beat) -> None:
        _bring(url, folder, wanted, beat)

    for _ in in_threads(bring, missing, _AT_ONCE, fetched):
        pass


def _bring_beside(url: str, folder: Path) -> None:
    for name in BESIDE:
        (folder / name).unlink(missing_ok=True)
        if transfer.exists(urls.below(url, name)):
            write_atomically(folder / name, transfer.read_whole(urls.below(url, name)))


def _listed(manifest: Manifest) -> list[_Wanted]:
    shards = [_Wanted(shard.name, shard.bytes, shard.sha256) for shard in manifest.shards]
    indexes = [
        _Wanted(index_name(split), None, digest) for split, digest in manifest.index_sha256.items()
    ]
    return [*indexes, *shards]


def _is_there(folder: Path, wanted: _Wanted) -> bool:
    """Tell whether a file is here. One of the right size is hashed: it may be of another set."""
    path = folder / wanted.name
    if not path.is_file() or wanted.size not in (None, path.stat().st_size):
        return False
    return sha256_file(path) == wanted.sha256


def _looks_whole(folder: Path, wanted: _Wanted) -> bool:
    """Tell whether a file of a finished copy is as long as it was; small ones are hashed."""
    path = folder / wanted.name
    if wanted.size is None:
        return _is_there(folder, wanted)
    return path.is_file() and path.stat().st_size == wanted.size


def _check_room(folder: Path, needed: int) -> None:
    free = free_bytes(folder)
    if needed > free:
        raise DiskError(
            f"{folder}: the copy takes {needed / 1e9:,.2f} GB and {free / 1e9:,.2f} GB are free; "
            f"name a larger disk in the environment: {CACHE}=/folder"
        )


def _bring(url: str, folder: Path, wanted: _Wanted, beat: Beat) -> None:
    source = urls.below(url, wanted.name)
    digest = hashlib.sha256()
    with atomic_file(folder / wanted.name) as file:
        if wanted.size is None:
            data = transfer.read_whole(source)
            digest.update(data)
            write_all(file, data)
        for start in range(0, wanted.size or 0, _RUN):
            data = transfer.read_range(source, start, min(_RUN, (wanted.size or 0) - start))
            digest.update(data)
            write_all(file, data)
            beat(len(data))
        if digest.hexdigest() != wanted.sha256:
            raise ShardError(
                f"{urls.shown_url(source)}: is not the file that the manifest names (sha256 "
                f"{digest.hexdigest()[:16]} came, {wanted.sha256[:16]} expected); put the right "
                "one there"
            )
