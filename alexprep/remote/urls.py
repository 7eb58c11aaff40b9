"""What a URL is, which are read and written, and how one is shown.

A URL is shown without what may be secret in it: user, password and query.
"""

from __future__ import annotations

from importlib.util import find_spec
from urllib.parse import quote, urlsplit

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


def is_url(text: str) -> bool:
    """Tell whether a text names a file behind a URL; `pipe:` and the like count, to be refused."""
    return "://" in text or text.startswith("pipe:")


def check_url(url: str) -> str:
    """Return the URL.

    Raises:
        RawError: its scheme is none that is read, it names no server, or the package for it is not
            installed.
    """
    scheme = scheme_of(url)
    if scheme not in SCHEMES or "://" not in url:
        raise RawError(
            f"{shown_url(url)}: {scheme}: is no scheme that is read; give a path, or a URL of "
            f"{', '.join(SCHEMES)}"
        )
    if not _has_host(url):
        raise RawError(f"{shown_url(url)}: names no server or no bucket; check the URL")
    for package in ("fsspec", SCHEMES[scheme]):
        if find_spec(package) is None:
            extra = EXTRA if package in ("fsspec", "aiohttp", "s3fs") else f"pip install {package}"
            raise RawError(f"{shown_url(url)}: needs the package {package}; install it: {extra}")
    return url


def check_target(url: str) -> None:
    """Check that a URL is one that can be written to.

    Raises:
        RawError: its scheme is only read, or none that is known.
    """
    if scheme_of(check_url(url)) not in WRITABLE:
        raise RawError(
            f"{shown_url(url)}: cannot be written to; give a folder, or a URL of "
            f"{' or '.join(WRITABLE)}"
        )


def shown_url(url: str) -> str:
    """Return a URL as it may be printed: without user, password, query and fragment."""
    if "://" not in url:
        return f"{url.partition(':')[0]}:..."  # `pipe:` holds a command, which is nobody's to see
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket without its other half
        return f"{scheme_of(url)}://..."
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def scheme_of(url: str) -> str:
    """Return the scheme: "https"."""
    return url.partition(":")[0].lower()


def is_http(url: str) -> bool:
    """Tell whether a web server is asked."""
    return scheme_of(url) in ("http", "https")


def below(url: str, path: str) -> str:
    """Return the URL of a file in a folder."""
    return f"{url.rstrip('/')}/{quote(path) if is_http(url) else path}"


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).netloc)
    except ValueError:
        return False
