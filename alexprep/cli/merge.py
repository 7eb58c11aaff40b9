"""`alexprep merge`: parts to a finished set."""

from __future__ import annotations

from pathlib import Path

import click

from alexprep.cli.options import PATH, jobs_option, stats_split_option


@click.command(short_help="Finish SHARDS whose parts were made one by one.")
@click.argument("shards", type=PATH)
@click.option(
    "--stats",
    is_flag=True,
    help="Write the statistics too; give it to the parts as well, and it costs nothing.",
)
@stats_split_option
@jobs_option
def merge(shards: Path, stats: bool, stats_splits: tuple[str, ...], jobs: int | None) -> None:
    """Write index, report and manifest of SHARDS, once all parts are made.

    The set is then the same, byte for byte, as one machine would have made it. Where shards are
    missing, they are named with the parts that make them, and nothing is written.

    \b
    Example, on two machines with one shared folder:
      alexprep shard /raw /shared/shards --part 1/2
      alexprep shard /raw /shared/shards --part 2/2
      alexprep merge /shared/shards
    """
    from alexprep.building.merge import merge as merge_parts
    from alexprep.cli.progress import byte_size, duration
    from alexprep.cli.said import say_report

    summary = merge_parts(shards, jobs, measured=stats_splits if stats else ())
    what = f"{summary.images:,} images in {summary.written + summary.kept:,} shards"
    size = byte_size(summary.bytes)
    if summary.written:
        click.echo(f"Merged in {duration(summary.seconds)}: {shards} holds {what}, {size}")
    else:
        click.echo(f"Nothing to do: {shards} is finished and holds {what}, {size}")
    say_report(summary)
    click.echo(f"Next: alexprep {'info' if stats else 'stats'} {shards}")
    if summary.exit_code:
        raise SystemExit(summary.exit_code)
