"""`alexprep index`: what other readers need beside the shards."""

from __future__ import annotations

from pathlib import Path

import click

from alexprep.cli.options import PATH, shards_argument


@click.command(short_help="Write index files for NVIDIA DALI or wids.")
@shards_argument
@click.option("--dali", is_flag=True, help="One train-000000.idx for each shard, for DALI.")
@click.option("--wids", is_flag=True, help="One index-train.json for each split, for wids.")
@click.option("--into", type=PATH, help="Folder of the files. [default: beside the shards]")
def index(shards: Path, dali: bool, wids: bool, into: Path | None) -> None:
    """Write index files by which other readers find their way in SHARDS.

    webdataset, timm and Hugging Face datasets need none: they read SHARDS as they are.

    \b
    Examples:
      alexprep index /shards --dali
      alexprep index /shards --wids --into /home/me/indexes
    """
    from alexprep.errors import SettingsError
    from alexprep.shards.other_indexes import write_dali, write_wids

    if not (dali or wids):
        raise SettingsError("say for whom the index is: --dali, --wids or both")
    written = write_dali(shards, into) if dali else []
    if wids:
        written += write_wids(shards, into)
    click.echo(f"Written: {len(written):,} files in {into or shards}, {written[0].name} first")
    click.echo("Next: docs/readers.md shows how each reader is pointed at them")
