"""`alextrain predict`: what a picture shows."""

from __future__ import annotations

from pathlib import Path

import click

from alextrain.cli.options import CHECKPOINT, machine_options


@click.command()
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--views",
    type=click.Choice(["1", "5", "10"]),
    default="1",
    show_default=True,
    help="Views of each picture over which the probabilities are averaged.",
)
@machine_options
def predict(checkpoint: Path, images: tuple[Path, ...], views: str, device: str, amp: str) -> None:
    """Name what IMAGES show, by the network in CHECKPOINT.

    Prints the five most likely classes of each picture with their probabilities. A file that gives
    no picture is named and the rest goes on (exit status 3).

    \b
    Example:
      alextrain predict runs/paper/best.pt photo.jpg other.png
    """
    from alextrain.device import choose_machine
    from alextrain.network import Network
    from alextrain.predict import Predictor, predict_files

    predictor = Predictor(Network.load(checkpoint, choose_machine(device, amp)))
    bad = 0
    for path, found in predict_files(predictor, images, int(views)):
        if isinstance(found, Exception):
            bad += 1
            click.echo(f"{path}: {found}", err=True)
            continue
        click.echo(f"{path}")
        width = max(len(guess.words) for guess in found)
        for guess in found:
            name = "" if guess.words == guess.name else f"  {guess.name}"
            click.echo(f"  {guess.probability:6.1%}  {guess.words:<{width}}{name}")
    if bad:
        raise SystemExit(3)
