"""`alextrain eval`: the errors of a network on a split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from alextrain.cli.options import CHECKPOINT, SHARDS, machine_options, views_option, workers_option


@click.command(name="eval")
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("shards", type=SHARDS)
@click.option("--split", default="val", show_default=True, help="train, val, or another split.")
@views_option
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    help="Draw confusion, mistakes and first-layer kernels into this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
@machine_options
@workers_option
def eval_command(checkpoint: Path, shards: Path, split: str, views: str, **options: Any) -> None:
    """Measure the errors of the network in CHECKPOINT on a split of SHARDS.

    Every image counts once. Split and views are part of the result: errors of one and of ten views
    differ by more than a per cent.

    \b
    Example:
      alextrain eval runs/paper/best.pt /shards --views 10
    """
    from alexprep.shards.reader import ShardReader
    from alextrain.cli.screen import Screen
    from alextrain.device import choose_machine
    from alextrain.network import Network
    from alextrain.report import Answers, draw, evaluate_network

    network = Network.load(checkpoint, choose_machine(options["device"], options["amp"]))
    reader = ShardReader(shards, split)
    network.check_fits(reader.manifest)
    answers = Answers(len(network.classes)) if options["figures"] else None
    screen = Screen(1)
    result = evaluate_network(
        network,
        reader,
        views=int(views),
        workers=options["workers"],
        answers=answers,
        on_images=screen.evaluating,
    )
    click.echo(json.dumps(result.to_dict()) if options["as_json"] else result.sentence())
    if answers is not None:
        for path in draw(options["figures"], answers, network, reader):
            click.echo(f"Picture: {path}", err=options["as_json"])
