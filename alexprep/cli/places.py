"""Arguments that are paths or URLs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alexprep.remote.urls import is_url


class Raw(click.Path):
    """A path, or the text of a URL."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return a Path, or a URL as it is."""
        return value if is_url(str(value)) else super().convert(value, param, ctx)


class Shards(click.Path):
    """A folder of shards; of a URL, the copy here, which is made first."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the folder."""
        if not is_url(str(value)):
            return super().convert(value, param, ctx)
        from alexprep.shards.fetched import fetch

        return fetch(value, _say)


def _say(count: int, folder: Path) -> None:
    click.echo(f"Copying {count / 1e9:,.2f} GB to {folder}", err=True)


# Whether it exists is said by the library, in a sentence that names the remedy.
RAW = Raw(path_type=Path)
SHARDS = Shards(path_type=Path)
