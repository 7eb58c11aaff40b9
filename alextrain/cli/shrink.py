"""`alextrain quantise` and `alextrain prune`: smaller networks, measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alextrain.cli.options import (
    CHECKPOINT,
    SHARDS,
    cache_option,
    keep_inputs,
    machine_options,
    workers_option,
)

if TYPE_CHECKING:
    from alextrain.shrink.measured import Row
    from alextrain.training.run import RunResult
    from alextrain.use.network import Network

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
_SPLIT = click.option("--split", default="val", show_default=True, help="Whose images are counted.")


def _show(rows: list[Row], *, as_json: bool) -> None:
    from alextrain.shrink.measured import table

    click.echo(json.dumps([row.to_dict() for row in rows]) if as_json else table(rows))


@click.command(short_help="A network with int8 numbers, the cost measured.")
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("shards", type=SHARDS)
@click.option(
    "--to",
    "kind",
    type=click.Choice(["onnx", "torch"]),
    default="onnx",
    show_default=True,
    help="onnx: for ONNX Runtime; torch: by torchao, for x86.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file. [default: beside the checkpoint, NAME-int8.onnx or .pt2]",
)
@_SPLIT
@click.option(
    "--calibration",
    type=click.IntRange(1),
    default=256,
    show_default=True,
    help="Images of train that set the scales.",
)
@click.option(
    "--compile", "compile_too", is_flag=True, help="torch: also measure compiled (a minute)."
)
@_JSON
@workers_option
def quantise(checkpoint: Path, shards: Path, kind: str, as_json: bool, **options: Any) -> None:
    """Write the network in CHECKPOINT with int8 numbers and measure it beside float32.

    Weights and activations of all convolutions and full layers, scales set by images of SHARDS.
    Prints errors, bytes and time on this machine: read the table before using the file.

    \b
    Example:
      alextrain quantise runs/paper/best.pt /shards --to onnx
    """
    from alexprep.files import check_writable
    from alexprep.shards.reader import ShardReader
    from alextrain.cli.screen import Screen
    from alextrain.device import choose_machine
    from alextrain.shrink import quantise as quantising
    from alextrain.shrink.measured import measure
    from alextrain.use.network import Network
    from alextrain.use.weights import beside

    out = options["out"] or beside(checkpoint, quantising.SUFFIXES[kind])
    keep_inputs(out, checkpoint)
    check_writable(out)
    network = Network.load(checkpoint, choose_machine("cpu", "off"))
    reader = ShardReader(shards, options["split"])
    network.check_fits(reader.manifest)
    images = quantising.calibration_images(ShardReader(shards, "train"), options["calibration"])
    made = quantising.quantise(network, images, kind, compile_too=options["compile_too"])
    rows = measure(
        made.candidates, reader, workers=options["workers"], on_images=Screen(1).counting
    )
    made.save(out, rows)
    _show(rows, as_json=as_json)
    click.echo(f"Written: {out}", err=as_json)
    if kind == "onnx" and not as_json:
        click.echo(f"Next: alextrain serve {out}")


@click.command(short_help="A network with fewer kernels, the cost measured.")
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("shards", type=SHARDS)
@click.option(
    "--keep",
    type=float,
    default=0.7,
    show_default=True,
    help="Share of the kernels of each layer, and of the hidden units, that stays.",
)
@click.option(
    "--epochs", type=click.IntRange(1), default=3, show_default=True, help="Of fine-tuning."
)
@click.option("--lr", type=float, help="First rate of fine-tuning. [default: the recipe's / 10]")
@click.option(
    "--run",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for the run of fine-tuning: checkpoints, logs.",
)
@_SPLIT
@_JSON
@machine_options
@workers_option
@cache_option
def prune(checkpoint: Path, shards: Path, as_json: bool, **options: Any) -> None:
    """Take whole kernels out of the network in CHECKPOINT, fine-tune what is left, measure both.

    The result is the same net at a smaller width: a run like any other, for every command.

    \b
    Example:
      alextrain prune runs/paper/best.pt /shards --keep 0.5 --epochs 5 --run runs/half
    """
    from alexprep.shards.reader import ShardReader
    from alextrain.cli.screen import Screen
    from alextrain.device import choose_machine
    from alextrain.shrink.measured import measure
    from alextrain.shrink.prune import candidate, pruned_network, pruned_recipe
    from alextrain.use.network import Network

    cpu = choose_machine("cpu", "off")
    whole, reader = Network.load(checkpoint, cpu), ShardReader(shards, options["split"])
    whole.check_fits(reader.manifest)
    recipe = pruned_recipe(whole.recipe, options["keep"], options["epochs"], options["lr"])
    pruned = pruned_network(whole, recipe)
    result = _tune(pruned, shards, options, silent=as_json)
    tuned = Network.load(result.checkpoint, cpu)
    networks = {"whole": whole, "pruned": pruned, "fine-tuned": tuned}
    rows = measure(
        [candidate(name, one) for name, one in networks.items()],
        reader,
        workers=options["workers"],
        on_images=Screen(1).counting,
    )
    _show(rows, as_json=as_json)
    click.echo(f"Weights: {result.checkpoint}", err=as_json)


def _tune(pruned: Network, shards: Path, options: dict[str, Any], *, silent: bool) -> RunResult:
    """Train what is left; stop the command where the user stops the run."""
    from alextrain.cli.screen import Screen
    from alextrain.device import choose_machine
    from alextrain.training.checkpoint import load_weights
    from alextrain.training.run import Run
    from alextrain.training.sets import open_sets
    from alextrain.training.setup import make_trainer

    recipe, folder = pruned.recipe, options["folder"]
    machine = choose_machine(options["device"], options["amp"])
    screen = Screen(recipe.epochs, silent=silent)
    with screen.listening():
        sets = open_sets(
            shards,
            recipe,
            machine,
            cache=options["cache"],
            workers=options["workers"],
            on_cached=screen.caching,
        )
        trainer = make_trainer(recipe, machine, len(sets.manifest.classes), compiled=False)
        load_weights(trainer.model, pruned.model.state_dict(), pruned.source)
        run = Run(folder, sets, trainer, machine, screen)
        run.start(None)
        result = run.fit()
    if not result.finished:
        click.echo(f"Stopped; go on with: alextrain fit {shards} --run {folder} --resume")
        raise SystemExit(screen.exit_code)
    return result
