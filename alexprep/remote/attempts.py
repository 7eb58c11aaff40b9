"""Some failures are tried again with growing pauses; then one sentence is said.

What a server or a library says is not shown: it may hold what is secret.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import TypeVar

from alexprep.errors import RawError
from alexprep.remote.urls import is_http, shown_url

_ATTEMPTS = 4
_FIRST_WAIT = 0.25  # seconds before the second attempt; doubled each time
_FINAL = (400, 401, 403, 404, 405, 410)  # asking again changes nothing
_NOT_THERE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_CREDENTIALS = (
    "give credentials as the server's own tools take them, in the environment or a "
    "configuration file"
)
_NO_ADDRESS = "is no address that can be asked; check the URL"
_NO_WAY = "the server sends on to what is no address; check the URL"
# Kind of a failure that stays -> what is said.
_BY_KIND = {
    "NoCredentialsError": f"needs credentials and there are none; {_CREDENTIALS}",
    "TooManyRedirects": "the server sends from one address to the next without end; check the URL",
    "InvalidUrlClientError": _NO_ADDRESS,
    "InvalidUrlRedirectClientError": _NO_WAY,
    "NonHttpUrlRedirectClientError": _NO_WAY,
    "ClientConnectorCertificateError": "the server's certificate does not hold; check the URL",
}
_AGAIN = "check the network and the server and run the same command again"

Result = TypeVar("Result")


def tried(url: str, call: Callable[[], Result]) -> Result:
    """Return what a call gives, trying again with growing pauses where that may help.

    Raises:
        RawError: it fails for good, or again and again.
        ValueError: as raised by the call, of a web server.
    """
    wait = _FIRST_WAIT
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return call()
        except ValueError:  # how fsspec says that there are no ranges, others that a name is none
            if is_http(url):
                raise
            raise RawError(f"{shown_url(url)}: names no file or folder; check the URL") from None
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


def _reason(error: BaseException) -> tuple[str, bool]:
    """Return what to say of a failure, and whether asking again is of no use."""
    if isinstance(error, FileNotFoundError) and isinstance(error.__cause__, _failures()):
        return _reason(error.__cause__)  # fsspec says "not found" of a server that is not reached
    kind = type(error).__name__
    if kind in _BY_KIND:
        return _BY_KIND[kind], True
    status = getattr(error, "status", getattr(error.__cause__, "status", None))
    if isinstance(error, PermissionError) or status in (401, 403):
        return f"the server refuses it (forbidden); {_CREDENTIALS}", True
    if status in (404, 410) or (status is None and isinstance(error, _NOT_THERE)):
        return "no such file there; check the URL", True
    if isinstance(status, int):
        final = status in _FINAL
        what = "check the URL and the server" if final else "try again later"
        return f"the server answers with status {status}; {what}", final
    return f"cannot be fetched ({kind}); {_AGAIN}", False
