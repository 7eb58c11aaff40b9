"""`alexprep inspect`: what a raw set is, and what it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from alexprep.cli.options import raw_options
from alexprep.cli.places import RAW

if TYPE_CHECKING:
    from alexprep.raw.source import RawSet


@click.command(short_help="What RAW is, and what is missing in it.")
@click.argument("raw", type=RAW)
@raw_options
@click.option(
    "--md5", is_flag=True, help="Read the official archives whole and compare their md5s."
)
def inspect(raw: Path | str, layout: str | None, root: Path | None, *, md5: bool) -> None:
    """Say how RAW is laid out and what it holds; if it is ImageNet, what it lacks.

    Counts images and classes against the official ones, those of each class too where a devkit
    lies in RAW. No image is read: folders are listed, archives walked by their headers.
    Ends with status 3 where something is missing or odd.

    \b
    Examples:
      alexprep inspect /raw
      alexprep inspect /downloads --md5
    """
    from alexprep.raw.audit import audit
    from alexprep.raw.detect import find_layout, open_raw

    found = open_raw(raw, layout, root)
    click.echo(f"{raw}: {found.layout}, {find_layout(found.layout).what}")
    _say("", found.found)
    result = audit(found)
    _say(f"Against {result.release}:" if result.release else "To know:", result.counts)
    problems = result.problems + (_md5(raw) if md5 and isinstance(raw, Path) else [])
    _say("Missing or odd:", problems)
    if not problems:
        click.echo("Nothing is missing." if result.release else "Nothing is odd.")
    if found.splits:
        click.echo(_next(raw, layout, root, found))
    if problems:
        raise SystemExit(3)


def _say(title: str, lines: list[str]) -> None:
    if title and lines:
        click.echo(title)
    for line in lines:
        click.echo(f"  {line}")


def _md5(raw: Path) -> list[str]:
    from alexprep.cli.progress import Progress
    from alexprep.raw.audit import archives, check_md5

    paths = archives(raw)
    if not paths:
        return ["--md5: there is no official archive in it"]
    problems = []
    with Progress(sum(path.stat().st_size for path in paths), "bytes", scale=True) as progress:
        for path in paths:
            problem = check_md5(path, progress.update)
            problems += [problem] if problem else []
    good = len(paths) - len(problems)
    click.echo(f"md5: {good} of {len(paths)} archives are the official ones")
    return problems


def _next(raw: Path | str, layout: str | None, root: Path | None, found: RawSet) -> str:
    options = f" --layout {layout}" if layout else ""
    options += f" --root {root}" if root else ""
    if found.unusable:
        options += "".join(f" --split {split}" for split in found.splits)
    return f"Next: alexprep shard {raw} SHARDS{options}"
