"""`alextrain export`: a trained network for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from alextrain.cli.options import CHECKPOINT, SHARDS


@click.command(short_help="Write a network for other programs, and compare.")
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("shards", type=SHARDS, required=False)
@click.option(
    "--to",
    "kind",
    type=click.Choice(["torch", "onnx", "safetensors", "timm", "torchvision"]),
    required=True,
    help="torch: .pt2 of torch.export; timm: a folder with config.json and a model card.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File, for timm folder. [default: beside the checkpoint, under its name]",
)
@click.option(
    "--preprocess",
    type=click.Choice(["inside", "outside"]),
    default="inside",
    show_default=True,
    help="torch, onnx: uint8 squares to probabilities, or normalised float32 crops to logits.",
)
def export(
    checkpoint: Path, shards: Path | None, kind: str, out: Path | None, preprocess: str
) -> None:
    """Write the network in CHECKPOINT for other programs, and check what was written.

    The file is loaded again and compared with the checkpoint on images of SHARDS (generated ones
    where no shards are named). A difference beyond rounding is an error. What was found, classes
    and preparation stand in the file's metadata.

    \b
    Examples:
      alextrain export runs/paper/best.pt /shards --to onnx
      alextrain export runs/paper/best.pt /shards --to timm --out alexnet-paper
    """
    from alextrain.export import export as write

    done = write(checkpoint, kind, out, shards, inside=preprocess == "inside")
    size = sum(file.stat().st_size for file in [done.path, *done.path.glob("*")] if file.is_file())
    click.echo(f"{done.path}: {size / 1e6:,.1f} MB\n{done.parity.sentence()}")
    if shards is None:
        click.echo("Name SHARDS to compare on real images.")
    if kind == "onnx" and preprocess == "inside":
        click.echo(f"Next: alextrain serve {done.path}")
