"""Read one file behind a URL: http and https by themselves, stores by fsspec."""

from __future__ import annotations

import http.client
import re
import time
from typing import IO
from urllib import request
from urllib.error import HTTPError, URLError

from alexprep.errors import ImageError
from alextrain.extras import need

MAX_BYTES = 256 << 20  # of one picture
SECONDS = 30.0  # without a byte
LONGEST = 300.0  # seconds for all of one picture
_CHUNK = 1 << 16
STORES = ("s3", "gs", "gcs", "hf")  # what the extra `remote` reads
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


def scheme(text: str) -> str | None:
    """Return the scheme of a URL in lower case, None for a path."""
    found = _SCHEME.match(text)
    return found[1].lower() if found else None


def read_url(url: str) -> bytes:
    """Return what lies behind a URL.

    Raises:
        PackageError: the store needs a package that is not installed.
        ImageError: it cannot be read, is too long, or its scheme is not one of ours; the text is
            the reason alone.
    """
    kind = scheme(url)
    if kind in ("http", "https"):
        return _read_http(url)
    if kind in STORES:
        return _read_store(url)
    raise ImageError(f"URLs of {kind}: are not read; give http:, https: or {_stores()}")


def _stores() -> str:
    return ", ".join(f"{name}:" for name in STORES)


def _read_http(url: str) -> bytes:
    try:
        with _opener().open(url, timeout=SECONDS) as response:
            data = _in_time(response)
    except HTTPError as error:
        error.close()
        raise ImageError(f"the server answers {error.code} {error.reason}") from error
    except URLError as error:
        raise ImageError(f"cannot be reached ({error.reason})") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ImageError(f"cannot be read ({error or type(error).__name__})") from error
    return _bounded(data)


def _in_time(response: http.client.HTTPResponse) -> bytes:
    """Read to the end or to the limit; a server that sends drop by drop is not waited for."""
    until, data = time.monotonic() + LONGEST, bytearray()
    while len(data) <= MAX_BYTES and (part := response.read1(_CHUNK)):
        data += part
        if time.monotonic() > until:
            raise ImageError(f"did not arrive within {LONGEST:g} seconds")
    if response.length:  # as read() would say
        raise http.client.IncompleteRead(bytes(data), response.length)
    return bytes(data)


def _opener() -> request.OpenerDirector:
    """Return an opener that knows http alone: no server can send us to file: or ftp:."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.UnknownHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _read_store(url: str) -> bytes:
    fsspec = need("fsspec", "remote")
    try:
        with fsspec.open(url, "rb") as file:
            data: bytes = file.read(MAX_BYTES + 1)
    except Exception as error:  # each store raises errors of its own
        raise ImageError(f"cannot be read ({error or type(error).__name__})") from error
    return _bounded(data)


def read_bounded(file: IO[bytes]) -> bytes:
    """Read a file to its end; one without an end to the limit.

    Raises:
        ImageError: more than MAX_BYTES.
    """
    return _bounded(file.read(MAX_BYTES + 1))


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise ImageError(f"more than {MAX_BYTES >> 20} MB, which no picture has")
    return data
