"""`alextrain ablate`: what each part of the paper's net is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alextrain.cli.fit import fit, fit_once
from alextrain.cli.options import SHARDS, cache_option, machine_options, workers_option


@click.command(short_help="The paper's net with one part after another taken away.")
@click.argument("shards", type=SHARDS)
@click.option("--recipe", default="paper", show_default=True, help="The whole net and training.")
@click.option("--only", metavar="NAMES", help="Some of them: no-lrn,half. [default: all six]")
@click.option("--width", type=float, help="Fraction of the kernels of each layer.")
@click.option("--crop", type=int, help="Side of the square that the net sees.")
@click.option("--epochs", type=int, help="How often each image is seen.")
@click.option("--batch-size", type=int, help="Images a step.")
@click.option("--seed", type=int, help="The one seed of all of them.")
@click.option(
    "--run",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("runs/ablations"),
    show_default=True,
    help="Takes a folder for each run. The same command goes on where it was stopped.",
)
@machine_options
@workers_option
@cache_option
def ablate(shards: Path, only: str | None, folder: Path, **options: Any) -> None:
    """Train the paper's net whole, and with one part taken away at a time.

    no-lrn, disjoint-pools, half, no-links, no-colour, no-dropout: all under one seed and budget,
    beside the differences that the paper and its authors published.

    \b
    Example:
      alextrain ablate /shards --width 0.25 --crop 143 --epochs 12 --only no-lrn,half
    """
    from alextrain.device import choose_machine
    from alextrain.ranks import joined
    from alextrain.studies.ablation import choose, table
    from alextrain.studies.compare import read_story

    chosen = choose(only)
    machine = choose_machine(options["device"], options["amp"])
    usual = fit.make_context("fit", [str(shards)]).params  # of `fit`, where nothing is said here
    given = usual | options | {"resume": "auto"}
    with joined(machine.device) as ranks:
        for name, changes in [("whole", {}), *((part.name, part.changes) for part in chosen)]:
            settings = [f"{key}={_toml(value)}" for key, value in changes.items()]
            own = {"folder": folder / name, "settings": settings}
            fit_once(shards, machine, given | own, ranks, compared=True)
    parts = [(part, read_story(folder / part.name)) for part in chosen]
    if ranks.first:
        click.echo("\n".join(["", *table(read_story(folder / "whole"), parts)]))


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
