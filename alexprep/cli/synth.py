"""`alexprep synth`: a drawn raw set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alexprep.cli.options import PATH, jobs_option


@click.command(short_help="Draw a raw set that can be learnt.")
@click.argument("raw", type=PATH)
@click.option("--classes", default=10, show_default=True, help="Number of classes, 72 at most.")
@click.option("--train", default=4000, show_default=True, help="Images to train on, in all.")
@click.option("--val", default=1000, show_default=True, help="Images to validate on, in all.")
@click.option(
    "--large", default=2, show_default=True, help="How many train images have 30 million pixels."
)
@click.option("--seed", default=0, show_default=True, help="Another seed draws another set.")
@click.option(
    "--layout",
    type=click.Choice(["folders", "ilsvrc2012"]),
    default="folders",
    show_default=True,
    help="Class folders, or the three official archives: train, val and devkit.",
)
@jobs_option
def synth(raw: Path, jobs: int | None, **options: Any) -> None:
    """Draw a raw set into the folder RAW: like ImageNet on the disk, and it can be learnt.

    Each class is a figure with its own outline and texture (striped discs, dotted stars);
    colours, place, size, turn and clutter are random. Sizes and aspect ratios vary as ImageNet's
    do; some pictures are gray, some have 30 million pixels, one is CMYK, one a PNG named .JPEG.
    The same options give the same bytes.

    \b
    Examples:
      alexprep synth /tmp/raw
      alexprep synth /tmp/raw --train 20000 --val 2000 --classes 50
      alexprep synth /tmp/raw --layout ilsvrc2012
    """
    from alexprep.cli.progress import Progress
    from alexprep.synth.cast import SynthSettings
    from alexprep.synth.raw_set import make_raw
    from alexprep.threads import usable_cores

    settings = SynthSettings(**options)
    with Progress(settings.train + settings.val, "images") as progress:
        drawn = make_raw(raw, settings, jobs or usable_cores(), progress.update)
    what = f"{settings.train:,} train and {settings.val:,} val images, {settings.classes} classes"
    click.echo(f"{raw}: {what}" if drawn else f"{raw}: nothing to do, holds {what} already")
    click.echo(f"Next: alexprep shard {raw} SHARDS")
