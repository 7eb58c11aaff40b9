"""Files behind URLs: ranges are read, some failures tried again, and then one sentence said.

The only module that imports fsspec, and only when a URL is met. A URL is shown without what may be
secret in it: user, password and query. What a server or a library says is not shown either.
"""

from __future__ import annotations

import asyncio
import functools
import io
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from alexprep.errors import RawError

# scheme -> the package that fsspec needs for it
SCHEMES = {
    "http": "aiohttp",
    "https": "aiohttp",
    "s3": "s3fs",
    "gs": "gcsfs",
    "hf": "huggingface_hub",
}
WRITABLE = ("s3", "gs")
EXTRA = 'pip install "alexkit[remote]"'
_ATTEMPTS = 4
_FIRST_WAIT = 0.25  # seconds before the second attempt; doubled each time
_AHEAD = 1 << 20  # bytes fetched at once while an archive's headers are walked
_CONNECT, _SILENCE = 15, 30  # seconds without a connection, without a byte
_FINAL = (400, 401, 403, 404, 405, 410)  # asking again changes nothing
_NOT_THERE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_DEPTH = 8  # folders in folders that are looked into
_CREDENTIALS = (
    "give credentials as the server's own tools take them, in the environment or a "
    "configuration file"
)
_AGAIN = "check the network and the server and run the same command again"

Result = TypeVar("Result")


def is_url(text: str) -> bool:
    """Tell whether a text names a file behind a URL; `pipe:` and the like count, to be refused."""
    return "://" in text or text.startswith("pipe:")


def check_url(url: str) -> str:
    """Return the URL.

    Raises:
        RawError: its scheme is none that is read, or the package for it is not installed.
    """
    scheme = url.partition(":")[0].lower()
    if scheme not in SCHEMES or "://" not in url:
        raise RawError(
            f"{shown_url(url)}: {scheme}: is no scheme that is read; give a path, or a URL of "
            f"{', '.join(SCHEMES)}"
        )
    for package in ("fsspec", SCHEMES[scheme]):
        if find_spec(package) is None:
            extra = EXTRA if package in ("fsspec", "aiohttp", "s3fs") else f"pip install {package}"
            raise RawError(f"{shown_url(url)}: needs the package {package}; install it: {extra}")
    return url


def shown_url(url: str) -> str:
    """Return a URL as it may be printed: without user, password, query and fragment."""
    if "://" not in url:
        return f"{url.partition(':')[0]}:..."  # `pipe:` holds a command, which is nobody's to see
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


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
        if not _is_http(url):
            return bytes(files.cat_file(url, start=start, end=start + count))
        # `cat_file` would take a whole file into the memory where the server knows no ranges.
        with files.open(url, size=start + count, cache_type="none") as file:
            file.seek(start)
            return bytes(file.read(count))

    try:
        return _tried(url, fetch)
    except ValueError as error:
        raise RawError(
            f"{shown_url(url)}: the server sends whole files where a part is asked for, so this "
            "cannot be read in place; copy it here, or serve it with a server that knows ranges"
        ) from error


def read_whole(url: str) -> bytes:
    """Return all bytes of a file.

    Raises:
        RawError: as for `read_range`.
    """
    files = _files(url)
    return bytes(_tried(url, lambda: files.cat_file(url)))


def size_of(url: str) -> int:
    """Return the bytes of a file.

    Raises:
        RawError: it is not there, not to be read, or the server does not tell.
    """
    files = _files(url)
    size = _tried(url, lambda: files.info(url)).get("size")
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
    return bool(_tried(url, lambda: files.exists(url)))


def list_folder(url: str) -> list[tuple[str, int | None]]:
    """Return path below the folder and size (None: not told) of all files in it, sorted.

    Of http servers the pages are read that list a folder's files, as most servers make them.

    Raises:
        RawError: nothing is there, or the server fails.
    """
    files = _files(url)
    if _is_http(url):
        found = list(_links(files, url.rstrip("/") + "/", ""))
    else:
        top = _tried(url, lambda: files._strip_protocol(url)).rstrip("/") + "/"
        listed = _tried(url, lambda: files.find(url, detail=True))
        found = [(name.removeprefix(top), details.get("size")) for name, details in listed.items()]
    if not found:
        raise RawError(f"{shown_url(url)}: there is no file, or the server does not list them")
    return sorted(found)


def below(url: str, path: str) -> str:
    """Return the URL of a file in a folder."""
    return f"{url.rstrip('/')}/{quote(path) if _is_http(url) else path}"


def upload(path: Path, url: str) -> None:
    """Put a file where a URL says; what is there already is written over.

    Raises:
        RawError: the scheme is only read, or the server fails or refuses.
    """
    check_target(url)
    files = _files(url)
    _tried(url, lambda: files.put_file(str(path), url))


def check_target(url: str) -> None:
    """Check that a URL is one that can be written to.

    Raises:
        RawError: its scheme is only read, or none that is known.
    """
    if check_url(url).partition(":")[0].lower() not in WRITABLE:
        raise RawError(
            f"{shown_url(url)}: cannot be written to; give a folder, or a URL of "
            f"{' or '.join(WRITABLE)}"
        )


class Seekable(io.RawIOBase):
    """A file behind a URL for those who want a Python file: it is read by ranges."""

    def __init__(self, url: str) -> None:
        self._url, self._position = url, 0
        self._size = size_of(url)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the position on."""
        count = max(0, min(len(buffer), self._size - self._position))
        data = read_range(self._url, self._position, count)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


class Ahead:
    """A file whose headers are walked: what follows a read position is fetched with it."""

    def __init__(self, url: str) -> None:
        self._url = check_url(url)
        self.size = size_of(url)
        self._start, self._data = 0, b""

    def read(self, count: int, position: int) -> bytes:
        """Return `count` bytes from `position` on; fewer only at the end of the file."""
        count = max(0, min(count, self.size - position))
        at = position - self._start
        if not 0 <= at <= len(self._data) - count:
            length = min(max(count, _AHEAD), self.size - position)
            self._start, self._data, at = position, read_range(self._url, position, length), 0
        return self._data[at : at + count]


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
    return _file_system(check_url(url).partition(":")[0].lower())


def _is_http(url: str) -> bool:
    return url.lower().startswith("http")


def _links(files: Any, url: str, above: str, depth: int = 0) -> Iterator[tuple[str, None]]:
    """Yield the files that a server's pages name below a folder."""
    if depth > _DEPTH:
        return
    for entry in _tried(url, lambda: files.ls(url, detail=True)):
        name = entry["name"].removeprefix(url)
        part = unquote(name.rstrip("/"))
        if not part or set(name.rstrip("/")) & set("/?#") or part in (".", ".."):
            continue  # a way up, or the same list in another order
        if name.endswith("/"):
            yield from _links(files, url + name, f"{above}{part}/", depth + 1)
        else:
            yield above + part, None


def _tried(url: str, call: Callable[[], Result]) -> Result:
    """Return what a call gives, trying again with growing pauses where that may help."""
    wait = _FIRST_WAIT
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return call()
        except _failures() as error:
            reason, final = _reason(error)
            if final or attempt == _ATTEMPTS:
                tries = "" if final else f" ({attempt} attempts)"
                raise RawError(f"{shown_url(url)}: {reason}{tries}") from None
        time.sleep(wait)
        wait *= 2
    raise AssertionError


@functools.cache
def _failures() -> tuple[type[Exception], ...]:
    """Return what the installed packages raise when a server or the network fails."""
    kinds: list[type[Exception]] = [OSError, asyncio.TimeoutError]
    if find_spec("aiohttp") is not None:
        kinds.append(import_module("aiohttp").ClientError)
    if find_spec("botocore") is not None:
        kinds.append(import_module("botocore.exceptions").BotoCoreError)
    return tuple(kinds)


def _reason(error: Exception) -> tuple[str, bool]:
    """Return what to say of a failure, and whether asking again is of no use."""
    status = getattr(error, "status", getattr(error.__cause__, "status", None))
    kind = type(error).__name__
    if isinstance(error, PermissionError) or status in (401, 403):
        return f"the server refuses it (forbidden); {_CREDENTIALS}", True
    if status in (404, 410) or (status is None and isinstance(error, _NOT_THERE)):
        return "no such file there; check the URL", True
    if kind == "NoCredentialsError":
        return f"needs credentials and there are none; {_CREDENTIALS}", True
    if isinstance(status, int):
        return f"the server answers with status {status}; try again later", status in _FINAL
    return f"cannot be fetched ({kind}); {_AGAIN}", False
