"""Raw sets behind URLs: an archive that is read in place, or a folder that can be listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from alexprep.errors import RawError
from alexprep.raw import folders, parquet, tarred, webdataset, webdataset_samples, zipped
from alexprep.raw.containers import UrlFolder
from alexprep.raw.source import (
    UNKNOWN_SIZE,
    RawSet,
    Source,
    clean_path,
    describe,
    ignored,
    some,
    sort_sources,
    split_of,
)
from alexprep.remote import transfer, urls

_TAR = ".tar"
_FORMS = (
    "a .tar or .zip of class folders, .parquet files, WebDataset tars, or a folder with "
    "train/<class>/<image>"
)

Files = Mapping[str, int | None]  # path below the URL -> size, None where it is not told


def open_url(url: str, layout: str | None = None) -> RawSet:
    """List a raw set behind a URL: archives by their headers, folders as the server lists them.

    Args:
        url: http, https, s3, gs or hf.
        layout: As for `open_raw`; None: found out.

    Raises:
        RawError: not there, refused, a layout that is only read from the disk, or none at all.
    """
    return replace(_open(urls.check_url(url), layout), root=urls.shown_url(url))


def _open(url: str, layout: str | None) -> RawSet:
    name, _, argument = (layout or "").partition(":")
    suffix = PurePosixPath(urls.shown_url(url)).suffix
    if suffix == zipped.SUFFIX:
        return _named(url, name, {zipped.NAME: lambda: zipped.list_zip(url)})
    if suffix == parquet.SUFFIX:
        files = {url: PurePosixPath(url).name}
        rows = {parquet.NAME: lambda: parquet.list_parquet(urls.shown_url(url), files, argument)}
        return _named(url, name, rows)
    if suffix == _TAR:
        if not name:
            name = webdataset.NAME if webdataset_samples.holds_samples(url) else tarred.NAME
        return _named(
            url,
            name,
            {
                webdataset.NAME: lambda: webdataset.list_webdataset(urls.shown_url(url), [url]),
                tarred.NAME: lambda: tarred.list_tar(url),
            },
        )
    return _folder(url, name, argument)


def _named(url: str, name: str, known: Mapping[str, Callable[[], RawSet]]) -> RawSet:
    """Open by the layout that was named, or by the only one that there is."""
    chosen = name or next(iter(known))
    if chosen not in known:
        raise RawError(
            f"{urls.shown_url(url)}: layout {chosen} is not read from this URL, only "
            f"{' or '.join(known)}; copy the set to the disk"
        )
    return known[chosen]()


def _folder(url: str, name: str, argument: str) -> RawSet:
    files = {
        path: size
        for path, size in transfer.list_folder(url)
        if not any(map(ignored, path.split("/")))
    }
    tables = {urls.below(url, path): path for path in files if path.endswith(parquet.SUFFIX)}
    tars = [urls.below(url, path) for path in files if path.endswith(_TAR)]
    known: dict[str, Callable[[], RawSet]] = {}
    if tables:
        known[parquet.NAME] = lambda: parquet.list_parquet(urls.shown_url(url), tables, argument)
    if any(split_of(path.split("/")[0]) for path in files):
        known[folders.NAME] = lambda: _class_folders(url, files)
    if tars:
        known[webdataset.NAME] = lambda: webdataset.list_webdataset(urls.shown_url(url), tars)
    if not known:
        raise RawError(
            f"{urls.shown_url(url)}: holds {some(files)}, which is no layout that is read from a "
            f"URL; expected {_FORMS}"
        )
    return _named(url, name, known)


def _class_folders(url: str, files: Files) -> RawSet:
    splits: dict[str, list[Source]] = {}
    names: dict[str, str] = {}  # one string for each class name
    beside = []
    containers: dict[str, UrlFolder] = {}
    for path, size in files.items():
        parts = clean_path(path)
        split = split_of(parts[0]) if len(parts) > 2 else None
        if split is None:
            beside.append(path)
            continue
        # The folder may be called otherwise than the split: its own name is part of the URL.
        container = containers.setdefault(parts[0], UrlFolder(urls.below(url, parts[0]), 1))
        class_name = names.setdefault(parts[1], parts[1])
        known = UNKNOWN_SIZE if size is None else size
        name = "/".join((split, *parts[1:]))
        splits.setdefault(split, []).append(Source(class_name, name, known, container))
    if not splits:
        raise RawError(f"{urls.shown_url(url)}: no train/<class>/<image> in it")
    ordered = {split: sort_sources(sources) for split, sources in splits.items()}
    found = [describe(split, sources) for split, sources in ordered.items()]
    found += [f"not read: {some(beside)}"] if beside else []
    return RawSet(folders.NAME, url, ordered, found=found)
