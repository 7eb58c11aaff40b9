"""`alexprep info`, `preview`, `figures` and `doctor`: look, and change no shard."""

from __future__ import annotations

from pathlib import Path

import click

from alexprep.cli.options import PATH, say_mixing, shards_argument
from alexprep.cli.places import RAW


@click.command(short_help="What SHARDS holds.")
@click.argument("shards", type=RAW)
def info(shards: Path | str) -> None:
    """Say what SHARDS holds: splits, classes, settings, codec, fingerprint.

    The fingerprint is one number for the whole set, to print in a paper: two sets with the same
    fingerprint are the same bytes. Mixing tells whether the classes of each split are spread over
    its shards as by chance: those of a set that is sorted by class are not.

    \b
    Example:
      alexprep info /shards
    """
    from alexprep.shards.manifest import Manifest
    from alexprep.shards.statistics import STATISTICS, Statistics
    from alexprep.tables import manifest_table

    if isinstance(shards, str):
        _remote_info(shards)
        return
    manifest = Manifest.load(shards)
    manifest.check_files(shards)
    click.echo(manifest_table(manifest))
    say_mixing(shards, manifest)
    path = shards / STATISTICS
    if path.exists():
        statistics = Statistics.load(path, manifest.fingerprint)
        click.echo(f"statistics   {path}, of {statistics.count:,} images ({statistics.split})")
    else:
        click.echo(f"statistics   none yet: alexprep stats {shards}")


def _remote_info(url: str) -> None:
    from alexprep.errors import ShardError
    from alexprep.remote.urls import shown_url
    from alexprep.shards.fetched import remote_manifest
    from alexprep.tables import manifest_table

    manifest = remote_manifest(url)
    if manifest is None:
        raise ShardError(f"{shown_url(url)}: holds no finished set of shards")
    click.echo(manifest_table(manifest))


@click.command(short_help="Draw some images of SHARDS.")
@shards_argument
@click.option("-o", "--output", type=PATH, required=True, help="The PNG to write.")
@click.option("--split", default="train", show_default=True, help="The split to show.")
@click.option(
    "--images",
    type=click.IntRange(1, 400),
    default=40,
    show_default=True,
    help="How many images to show, at most.",
)
def preview(shards: Path, output: Path, split: str, images: int) -> None:
    """Draw some images of SHARDS in a grid, each with the name of its class.

    \b
    Example:
      alexprep preview /shards -o grid.png --split val
    """
    from alexprep.figures import draw_preview

    drawn = draw_preview(shards, output, split, images)
    click.echo(f"{output}: {drawn} images of {split}")


@click.command(short_help="Draw every picture of SHARDS.")
@shards_argument
def figures(shards: Path) -> None:
    """Draw into SHARDS/figures all that there is to see.

    The mean image, the axes of colour, the colour augmentation at two strengths, histograms of
    levels, some images of each split, and the files that were skipped, repaired or converted.
    The statistics must be there: `alexprep stats` makes them.

    \b
    Example:
      alexprep figures /shards
    """
    from alexprep.figures import draw_every

    for path in draw_every(shards):
        click.echo(f"Picture: {path}")


@click.command(short_help="What this machine has: Pillow, cores, disk.")
@click.argument("folder", type=PATH, default=".")
def doctor(folder: Path) -> None:
    """Look at this machine: Pillow and its speed, libjpeg, cores, memory, the disk of FOLDER.

    Prints a line for each, and advice where something costs time. FOLDER is where shards are to
    go [default: the current folder]. Exits with status 1 only where something is broken.

    \b
    Example:
      alexprep doctor /shards
    """
    from alexprep.doctor import BROKEN, examine

    checks = examine(folder)
    width = max(len(check.name) for check in checks)
    for check in checks:
        click.echo(f"{check.verdict:<6}  {check.name:<{width}}  {check.found}")
        if check.advice:
            click.echo(f"{'':<{width + 10}}{check.advice}")
    if any(check.verdict == BROKEN for check in checks):
        raise SystemExit(1)
