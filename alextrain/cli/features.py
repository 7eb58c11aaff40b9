"""`alextrain features`, `neighbours` and `probe`: what the inner layers see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alextrain.cli.options import CHECKPOINT, SHARDS, keep_inputs, machine_options, workers_option

if TYPE_CHECKING:
    from alextrain.use.network import Network

_LAYER = click.option(
    "--layer",
    type=click.Choice(["pool5", "fc6", "fc7"]),
    default="fc7",
    show_default=True,
    help="Whose outputs are taken, after their ReLU.",
)


def _network(checkpoint: Path, options: dict[str, Any]) -> Network:
    from alextrain.device import choose_machine
    from alextrain.use.network import Network

    return Network.load(checkpoint, choose_machine(options["device"], options["amp"]))


@click.command(short_help="Write what a layer makes of each image of SHARDS.")
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("shards", type=SHARDS)
@_LAYER
@click.option("--split", default="train", show_default=True, help="train, val, or another split.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write: .npz or .parquet.",
)
@machine_options
@workers_option
def features(
    checkpoint: Path, shards: Path, layer: str, split: str, out: Path, **options: Any
) -> None:
    """Write what a layer of the network in CHECKPOINT makes of each image of SHARDS.

    One row an image, in the order of the split: float32, with key and label. The centre view is
    seen. Rows go to the disk as they come.

    \b
    Example:
      alextrain features runs/paper/best.pt /shards --layer fc7 --out fc7.npz
    """
    from alexprep.shards.reader import ShardReader
    from alextrain.cli.screen import Screen
    from alextrain.use.features import save_features

    keep_inputs(out, checkpoint, shards / "stats.npz", *shards.glob("index-*.npz"))
    network, reader, screen = _network(checkpoint, options), ShardReader(shards, split), Screen(1)

    def on_images(done: int, total: int) -> None:
        screen.counting("features", done, total)

    rows, length = save_features(
        out, network, reader, layer, workers=options["workers"], on_images=on_images
    )
    click.echo(f"{out}: {rows:,} images of {split}, {length:,} numbers each ({layer})")
    click.echo(f"Next: alextrain neighbours {out} IMAGE --checkpoint {checkpoint}")


@click.command(short_help="The images whose features are nearest to a picture's.")
@click.argument("features_file", metavar="FEATURES", type=click.Path(path_type=Path))
@click.argument("pictures", nargs=-1, required=True)
@click.option(
    "--checkpoint", type=CHECKPOINT, required=True, help="The network that made FEATURES."
)
@click.option("--top", type=click.IntRange(1), default=6, show_default=True, help="Rows each.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each picture.")
@machine_options
def neighbours(
    features_file: Path, pictures: tuple[str, ...], checkpoint: Path, **options: Any
) -> None:
    """Find the images whose FEATURES are nearest to those of PICTURES.

    FEATURES is what `alextrain features` wrote. Distances are Euclidean and exact (the paper's
    section 6.1 compares the last hidden layer, fc7, so).

    \b
    Example:
      alextrain neighbours fc7.npz photo.jpg --checkpoint runs/paper/best.pt
    """
    from alexprep.errors import ImageError
    from alexprep.raw.source import shown
    from alextrain.use.neighbours import Neighbours
    from alextrain.use.pictures import find_pictures

    known, bad = Neighbours(_network(checkpoint, options), features_file), 0
    for picture in find_pictures(pictures):
        try:
            found = known.of(picture, options["top"])
        except ImageError as error:
            click.echo(str(error), err=True)
            bad += 1
            continue
        if options["as_json"]:
            rows = [row._asdict() for row in found]
            click.echo(json.dumps({"picture": picture.name, "neighbours": rows}))
            continue
        click.echo(picture.name)
        for row in found:
            click.echo(f"  {row.distance:9.3f}  {row.key}  {shown(row.words)}")
    if bad:
        raise SystemExit(3)


@click.command(short_help="A linear classifier on a layer, for other shards.")
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("shards", type=SHARDS)
@_LAYER
@click.option("--train", default="train", show_default=True, help="The split that is learnt from.")
@click.option("--test", default="val", show_default=True, help="The split that is counted.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
@machine_options
@workers_option
def probe(
    checkpoint: Path, shards: Path, layer: str, train: str, test: str, **options: Any
) -> None:
    """Fit a linear classifier on a layer of CHECKPOINT for the classes of SHARDS.

    The baseline of transfer learning: the network stays as it is, and SHARDS may show other classes
    than it was trained on, at the same image size. Needs the extra `probe` (scikit-learn).

    \b
    Example:
      alextrain probe runs/paper/best.pt /other-shards --layer fc7
    """
    import numpy as np

    from alexprep.shards.reader import ShardReader
    from alextrain.cli.screen import Screen
    from alextrain.extras import need
    from alextrain.use.features import extract
    from alextrain.use.probe import probe as fit_probe

    need("sklearn", "probe")  # before the network has worked for nothing
    network, screen, rows = _network(checkpoint, options), Screen(1), []
    for split in (train, test):

        def on_images(done: int, total: int, split: str = split) -> None:
            screen.counting(f"features of {split}", done, total)

        batches = extract(
            network,
            ShardReader(shards, split),
            layer,
            workers=options["workers"],
            on_images=on_images,
        )
        x, y = zip(*batches, strict=True)
        rows.append((np.concatenate(x), np.concatenate(y)))
    result = fit_probe(layer, rows[0], rows[1])
    click.echo(
        json.dumps(result.to_dict()) if options["as_json"] else f"{test}: {result.sentence()}"
    )
