"""`alextrain figures`: pictures of what a network sees and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alextrain.cli.options import CHECKPOINT, SHARDS, machine_options, workers_option


@click.command()
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("shards", type=SHARDS, required=False)
@click.option("--split", default="val", show_default=True, help="Whose images are shown.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the pictures. [default: figures/ beside the checkpoint]",
)
@machine_options
@workers_option
def figures(
    checkpoint: Path, shards: Path | None, split: str, out: Path | None, **options: Any
) -> None:
    """Draw what the network in CHECKPOINT sees and answers.

    Its first-layer kernels (the paper's Figure 3); with SHARDS also images with their five bars and
    the nearest training images by fc7 (Figure 4), mistakes, confusion, Grad-CAM and feature maps.

    \b
    Example:
      alextrain figures runs/paper/best.pt /shards
    """
    from alextrain.cli.screen import Screen
    from alextrain.device import choose_machine
    from alextrain.reports.gallery import draw_gallery
    from alextrain.use.network import Network
    from alextrain.use.weights import beside

    network = Network.load(checkpoint, choose_machine(options["device"], options["amp"]))
    folder = out or beside(checkpoint, "").with_name("figures")
    for path in draw_gallery(
        folder, network, shards, split, workers=options["workers"], on_images=Screen(1).counting
    ):
        click.echo(f"Picture: {path}")
    if shards is None:
        click.echo("Name SHARDS for the pictures that need images.")
