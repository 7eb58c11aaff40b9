"""Tars that `fit` is given in place of a set of shards: which they are, and where.

Paths and URLs of http(s) and of what fsspec reads, with braces, several joined by ::, or a folder
of tars without a manifest. Nothing else: a `pipe:` would run a command.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from alexprep.errors import ShardError
from alexprep.remote.urls import check_url, is_url, shown_url
from alexprep.shards.manifest import MANIFEST, WORK

_SUFFIX = ".tar"
_RANGE = re.compile(r"\{(-?\d{1,30})\.\.(-?\d{1,30})")  # of numbers, in braces
_SPLITS = ("train", "val", "test")
_MOST = 1_000_000  # tars: ImageNet's 14 million images in tars of a dozen each


def names_tars(text: str) -> bool:
    """Tell whether a text names tars, not a set of shards."""
    if is_url(text) or "{" in text or "::" in text:
        bare = text.partition("?")[0].partition("#")[0]
        return bare.endswith((_SUFFIX, "}")) or "::" in text or text.startswith("pipe:")
    path = Path(text)
    if path.is_dir():
        finished = (path / MANIFEST).exists() or (path / WORK).exists()
        return not finished and any(path.glob(f"*{_SUFFIX}"))
    return path.suffix == _SUFFIX


def list_tars(text: str) -> list[str]:
    """Return the paths and URLs that a text names, in order.

    Raises:
        RawError: a URL of a scheme that is not read, such as `pipe:`.
        ShardError: a path that is not there, or named twice, a brace without its other half, or a
            folder with tars of several splits.
    """
    for part in text.split("::"):
        if is_url(part):
            check_url(part)
    if Path(text).is_dir():
        return _in_folder(Path(text))
    tars = _expanded(text)
    for tar in tars:
        if is_url(tar):
            check_url(tar)
        elif not Path(tar).is_file():
            raise ShardError(f"{tar}: no such file; name tars that are there, or a folder of them")
    if twice := next((tar for tar in tars if tars.count(tar) > 1), None):
        raise ShardError(f"{shown(twice)}: is named twice; name each tar once")
    return tars


def _in_folder(folder: Path) -> list[str]:
    tars = sorted(folder.glob(f"*{_SUFFIX}"))
    splits = {split for split in _SPLITS for tar in tars if tar.name.startswith(split)}
    if len(splits) > 1:
        raise ShardError(
            f"{folder}: holds tars of {' and '.join(sorted(splits))}; name those of one split, as "
            f"in '{folder}/train-{{000..099}}.tar'"
        )
    return list(map(str, tars))


def _expanded(text: str) -> list[str]:
    from webdataset.shardlists import expand_urls  # noqa: PLC0415  # slow to import

    for part in text.split("::"):
        ranges = _RANGE.findall(part)
        if math.prod(abs(int(last) - int(first)) + 1 for first, last in ranges) > _MOST:
            raise ShardError(
                f"{shown(part)}: its braces stand for more than {_MOST:,} tars; check the numbers"
            )
    try:
        return list(expand_urls(text))
    except ValueError as error:
        raise ShardError(
            f"{shown(text)}: its braces do not fit together; write them as in t-{{000..099}}.tar"
        ) from error


def shown(tar: str) -> str:
    """Return paths or URLs as they may be printed: without user, password and query."""
    return "::".join(shown_url(part) if is_url(part) else part for part in tar.split("::"))
