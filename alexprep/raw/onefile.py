"""An archive of class folders, given itself or as the only one in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw.layout import Place
from alexprep.raw.names import FILES, with_names
from alexprep.raw.source import RawSet, some


def archives(place: Place, suffix: str) -> list[str]:
    """Return the files in a folder that end in `suffix`."""
    return [name for name in place.files if name.endswith(suffix)]


def open_one(place: Place, suffix: str, list_archive: Callable[[Path], RawSet]) -> RawSet:
    """List an archive; where a folder is given, names of the classes beside it are used.

    Raises:
        RawError: the folder does not hold just one, or what `list_archive` says.
    """
    if not place.path.is_dir():
        return list_archive(place.path)
    names = archives(place, suffix)
    if len(names) != 1:
        holds = some(names) if names else "none"
        raise RawError(f"{place.path}: expected one {suffix} in it, found {holds}; give the file")
    raw = with_names(list_archive(place.path / names[0]), [place.path])
    raw.found.extend(place.beside(*names, *FILES))
    return raw
