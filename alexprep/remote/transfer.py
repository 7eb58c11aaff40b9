"""What is asked of servers. The only module that imports fsspec, and only when a URL is met."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from alexprep.errors import RawError
from alexprep.remote.attempts import tried
from alexprep.remote.urls import check_target, check_url, is_http, scheme_of, shown_url

_CONNECT, _SILENCE = 15, 30  # seconds without a connection, without a byte
_DEPTH = 8  # folders in folders that are looked into
_FOLDERS = 100_000  # of one set; a server that invents them never ends
_LARGEST = 1 << 30  # bytes of a file that is fetched whole
_RUN = 1 << 20


def read_range(url: str, start: int, count: int) -> bytes:
    """Return `count` bytes from `start` on; fewer only at the end of the file.

    Raises:
        RawError: the file is not there or not to be read, the server fails again and again, or it
            does not serve ranges.
    """
    if count <= 0:
        return b""
    files = _files(url)

    def fetch() -> bytes:
        if not is_http(url):
            return bytes(files.cat_file(url, start=start, end=start + count))
        # `cat_file` would take a whole file into the memory where the server knows no ranges.
        with files.open(url, size=start + count, cache_type="none") as file:
            file.seek(start)
            return bytes(file.read(count))

    try:
        data = tried(url, fetch)
    except ValueError as error:
        raise RawError(
            f"{shown_url(url)}: the server sends whole files where a part is asked for, so this "
            "cannot be read in place; copy it here, or serve it with a server that knows ranges"
        ) from error
    if len(data) > count:
        raise RawError(
            f"{shown_url(url)}: the server sends {len(data):,} bytes where {count:,} are asked "
            "for; copy it here, or serve it with another server"
        )
    return data


def read_whole(url: str) -> bytes:
    """Return all bytes of a file.

    Raises:
        RawError: as for `read_range`; or a web server sends more than an image or a manifest has.
    """
    files = _files(url)
    if not is_http(url):
        return bytes(tried(url, lambda: files.cat_file(url)))
    data = tried(url, lambda: _stream(files, url))
    if len(data) > _LARGEST:
        raise RawError(
            f"{shown_url(url)}: the server sends more than {_LARGEST:,} bytes, and no end is in "
            "sight; check the URL"
        )
    return data


def _stream(files: Any, url: str) -> bytes:
    """Return a file as far as it may be: `cat_file` would take what never ends into the memory."""
    parts, left = [], _LARGEST + 1
    with files.open(url, block_size=0, size=1) as file:  # a stream, without asking for the size
        while left > 0 and (part := file.read(min(left, _RUN))):
            parts.append(part)
            left -= len(part)
    return b"".join(parts)


def size_of(url: str) -> int:
    """Return the bytes of a file.

    Raises:
        RawError: it is not there, not to be read, or the server does not tell.
    """
    files = _files(url)
    size = tried(url, lambda: files.info(url)).get("size")
    if not isinstance(size, int):
        raise RawError(
            f"{shown_url(url)}: the server does not say how long the file is; copy it here, or "
            "serve it with another server"
        )
    return size


def exists(url: str) -> bool:
    """Tell whether there is a file.

    Raises:
        RawError: the server fails or refuses to say.
    """
    files = _files(url)
    # Without `strict` a web server that is not reached has no such file.
    strict = {"strict": True} if is_http(url) else {}
    return bool(tried(url, lambda: files.exists(url, **strict)))


def list_folder(url: str) -> list[tuple[str, int | None]]:
    """Return path below the folder and size (None: not told) of all files in it, sorted.

    Of http servers the pages are read that list a folder's files, as most servers make them.

    Raises:
        RawError: nothing is there, or the server fails.
    """
    files = _files(url)
    if is_http(url):
        found = list(_links(files, url.rstrip("/") + "/", "", itertools.count(1)))
    else:
        top = tried(url, lambda: files._strip_protocol(url)).rstrip("/") + "/"
        listed = tried(url, lambda: files.find(url, detail=True))
        found = [(name.removeprefix(top), details.get("size")) for name, details in listed.items()]
    if not found:
        raise RawError(f"{shown_url(url)}: there is no file, or the server does not list them")
    return sorted(found)


def upload(path: Path, url: str) -> None:
    """Put a file where a URL says; what is there already is written over.

    Raises:
        RawError: the scheme is only read, or the server fails or refuses.
    """
    check_target(url)
    files = _files(url)
    tried(url, lambda: files.put_file(str(path), url))


@functools.cache
def _file_system(scheme: str) -> Any:
    fsspec = import_module("fsspec")
    options: dict[str, Any] = {}
    if scheme in ("http", "https"):
        timeout = import_module("aiohttp").ClientTimeout(
            total=None, sock_connect=_CONNECT, sock_read=_SILENCE
        )
        options = {"client_kwargs": {"timeout": timeout}}
    elif scheme == "s3":
        options = {
            "config_kwargs": {
                "connect_timeout": _CONNECT,
                "read_timeout": _SILENCE,
                "retries": {"max_attempts": 2},
            }
        }
    return fsspec.filesystem(scheme, use_listings_cache=False, **options)


def _files(url: str) -> Any:
    return _file_system(scheme_of(check_url(url)))


def _links(
    files: Any, url: str, above: str, asked: Iterator[int], depth: int = 0
) -> Iterator[tuple[str, None]]:
    """Yield the files that a server's pages name below a folder; `asked` counts its folders."""
    if depth > _DEPTH:
        return
    if next(asked) > _FOLDERS:
        raise RawError(
            f"{shown_url(url)}: the server lists more than {_FOLDERS:,} folders; pack the set into "
            "a .tar or a .zip"
        )
    for entry in tried(url, lambda: files.ls(url, detail=True)):
        name = entry["name"].removeprefix(url)
        part = unquote(name.rstrip("/"))
        if not part or set(name.rstrip("/")) & set("/?#") or part in (".", ".."):
            continue  # a way up, or the same list in another order
        if name.endswith("/"):
            yield from _links(files, url + name, f"{above}{part}/", asked, depth + 1)
        else:
            yield above + part, None
