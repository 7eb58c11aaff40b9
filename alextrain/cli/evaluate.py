"""`alextrain eval`: the errors of a network on a split."""

from __future__ import annotations

import json
from pathlib import Path

import click

from alextrain.cli.options import CHECKPOINT, SHARDS, machine_options, workers_option


@click.command(name="eval")
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("shards", type=SHARDS)
@click.option("--split", default="val", show_default=True, help="train, val, or another split.")
@click.option(
    "--views",
    type=click.Choice(["1", "5", "10"]),
    default="1",
    show_default=True,
    help="1: centre; 5: and corners; 10: and their mirrors. Softmax is averaged over them.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    help="Draw confusion, mistakes and first-layer kernels into this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
@machine_options
@workers_option
def eval_command(checkpoint: Path, shards: Path, split: str, views: str, **options: object) -> None:
    """Measure the errors of the network in CHECKPOINT on a split of SHARDS.

    Every image counts once. Split and views are part of the result: errors of one and of ten views
    differ by more than a per cent.

    \b
    Example:
      alextrain eval runs/paper/best.pt /shards --views 10
    """
    from alextrain.cli.screen import Screen
    from alextrain.device import choose_machine
    from alextrain.report import evaluate_checkpoint

    machine = choose_machine(str(options["device"]), str(options["amp"]))
    screen = Screen(1)
    with screen.listening():
        result, pictures = evaluate_checkpoint(
            checkpoint,
            shards,
            machine,
            split=split,
            views=int(views),
            workers=options["workers"],  # type: ignore[arg-type]
            figures=options["figures"],  # type: ignore[arg-type]
            on_images=screen.evaluating,
        )
    click.echo(json.dumps(result.to_dict()) if options["as_json"] else result.sentence())
    for path in pictures:
        click.echo(f"Picture: {path}", err=bool(options["as_json"]))
