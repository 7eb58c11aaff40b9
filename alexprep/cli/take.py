"""`alexprep extract`: shards back to files."""

from __future__ import annotations

from pathlib import Path

import click

from alexprep.cli.options import PATH, jobs_option, shards_argument


@click.command(short_help="Give the images of SHARDS back as files.")
@shards_argument
@click.argument("folder", type=PATH)
@jobs_option
def extract(shards: Path, folder: Path, jobs: int | None) -> None:
    """Write the images of SHARDS into FOLDER as split/class/name.jpg, byte for byte as stored.

    FOLDER must be new or empty. An interrupted run is continued by the same command. Names that
    would be no file name, or leave FOLDER, stay written as in the shard (%2F).

    \b
    Example:
      alexprep extract /shards /pictures
    """
    from alexprep.cli.progress import Progress
    from alexprep.extract import extract as extract_shards
    from alexprep.shards.manifest import Manifest

    manifest = Manifest.load(shards)
    with Progress(sum(map(manifest.samples, manifest.splits)), "images") as progress:
        count = extract_shards(shards, folder, jobs, progress.update)
    click.echo(
        f"{folder}: {count:,} images of {len(manifest.classes):,} classes in "
        f"{' and '.join(manifest.splits)}"
    )
