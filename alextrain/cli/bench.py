"""`alextrain bench`: where the time of training goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alextrain.cli.options import (
    SHARDS,
    cache_option,
    decode_option,
    machine_options,
    workers_option,
)

if TYPE_CHECKING:
    from alextrain.studies.speed import Speed

_ADVICE = {
    "loader": "the loader is the bottleneck",
    "network": "the network is the bottleneck, and the loader keeps up: use a GPU, --amp auto, "
    "--compile, or a smaller --width or --crop",
    "cores": "loader and network take each other's cores",
    "neither": "loader and network are equally fast",
}
# (what holds up, where decoded images are kept) -> what to do about it
_CURES = {
    ("loader", "off"): ": keep decoded images (--cache ram or device), decode with more threads "
    "(--workers) or on the GPU (--decode cuda), or make shards of a smaller --size or --quality",
    ("loader", "nvjpeg"): ": keep decoded images (--cache ram or device), or make shards of a "
    "smaller --size or --quality",
    ("loader", "ram"): ", though nothing is decoded any more: what is left is cropping and "
    "distorting; use --cache device on a GPU, fewer distortions, or a smaller --crop",
    ("loader", "device"): ", though all images are on the device: what is left is cropping and "
    "distorting; use fewer distortions, or a smaller --crop",
    ("cores", "off"): ": use fewer --workers, or --cache ram so that nothing is decoded while the "
    "network trains",
    ("cores", "ram"): ", though nothing is decoded any more: use fewer --workers, or a GPU",
    ("cores", "device"): ", though nothing is decoded any more: use fewer distortions, or a GPU",
    ("cores", "nvjpeg"): ": use fewer --workers, or --cache device",
}


@click.command(short_help="What holds training up: loader, network, or both.")
@click.argument("shards", type=SHARDS)
@click.option("--recipe", default="paper", show_default=True, help="A recipe's name, or a .toml.")
@click.option("--width", type=float, help="Fraction of the kernels of each layer.")
@click.option("--crop", type=int, help="Side of the square that the net sees.")
@click.option("--batch-size", type=int, help="Images a step.")
@click.option("--seconds", default=5.0, show_default=True, help="Of each measurement.")
@click.option(
    "--against",
    metavar="NETS",
    help="Measure these nets of torchvision too, with the same input: resnet18,mobilenet_v2.",
)
@machine_options
@workers_option
@cache_option
@decode_option
@click.option("--compile", "compiled", is_flag=True, help="Compile the nets with torch.compile.")
def bench(shards: Path, recipe: str, **options: Any) -> None:
    """Measure how fast SHARDS are loaded and a network trains on them, and what holds it up.

    The loader alone, the network alone on one batch that stays on the device, and both together;
    which share of the time the network waits for images; which share of a step LRN takes; memory.
    Nothing is written.

    \b
    Examples:
      alextrain bench /shards
      alextrain bench /shards --cache off --workers 8
      alextrain bench /shards --against resnet18,mobilenet_v2,squeezenet1_1
    """
    from alextrain.device import choose_machine
    from alextrain.recipes.recipe import load_recipe
    from alextrain.studies.rivals import check_names
    from alextrain.studies.speed import measure_speed
    from alextrain.training.sets import open_sets

    rivals = [name.strip() for name in (options["against"] or "").split(",") if name.strip()]
    check_names(rivals)
    names = ("width", "crop", "batch_size")
    chosen = load_recipe(recipe, {name: options[name] for name in names})
    machine = choose_machine(options["device"], options["amp"])
    kept = {name: options[name] for name in ("cache", "decode", "workers")}
    sets = open_sets(shards, chosen, machine, **kept)
    for note in sets.notes:
        click.echo(f"Note: {note}")
    seconds, compiled = options["seconds"], options["compiled"]
    click.echo(f"Measuring, {seconds:g} s each after a warm-up: loader, network, both, LRN")
    speed = measure_speed(sets, chosen, machine, compiled=compiled, seconds=seconds)
    for line in _lines(speed, chosen.name, sets.cache):
        click.echo(line)
    if rivals:
        _compare(rivals, chosen, machine, len(sets.manifest.classes), options)


def _lines(speed: Speed, name: str, cache: str) -> list[str]:
    lrn = "none in this net" if speed.lrn is None else f"{speed.lrn:.1%} of a step"
    return [
        f"Loader alone   {speed.loader:>9,.0f} images/s",
        f"Network alone  {speed.network:>9,.0f} images/s ({name})",
        f"Together       {speed.together:>9,.0f} images/s",
        f"Waiting for images  {speed.waiting:.0%} of the time",
        f"LRN            {lrn}",
        f"Memory         {speed.bytes / 1e9:.2f} GB at most",
        f"So: {_advice(speed.bottleneck, cache)}.",
    ]


def _advice(bottleneck: str, cache: str) -> str:
    """Say what holds training up, and what to do where images are kept as they are."""
    return _ADVICE[bottleneck] + _CURES.get((bottleneck, cache), "")


def _compare(
    nets: list[str], recipe: Any, machine: Any, classes: int, options: dict[str, Any]
) -> None:
    from alextrain.studies.rivals import measure_nets

    rows = measure_nets(
        nets,
        recipe,
        machine,
        classes,
        compiled=options["compiled"],
        seconds=options["seconds"],
    )
    size = recipe.input.crop
    click.echo(f"\nMeasured on {machine.describe()}, {size}x{size}, batch {recipe.batch_size}:")
    click.echo(f"{'net':<20}{'parameters':>14}{'train images/s':>16}{'predict':>12}{'memory':>12}")
    for row in rows:
        click.echo(
            f"{row.name:<20}{row.parameters:>14,}{row.training:>16,.0f}{row.predicting:>12,.0f}"
            f"{row.bytes / 1e6:>9,.0f} MB"
        )
    click.echo("Memory: what a training step keeps for the way back, and the weights.")
