"""`alextrain eval`: the errors of a network on a split."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alextrain.cli.options import CHECKPOINT, SHARDS, machine_options, views_option, workers_option

if TYPE_CHECKING:
    from alexprep.shards.manifest import Manifest
    from alextrain.use.answered import Answered
    from alextrain.use.network import Network

OUTPUT = click.Path(path_type=Path, dir_okay=False)
# options for which the answers to all images are kept
_KEPT = ("figures", "predictions", "per_class", "confusion", "labels")


@click.command(name="eval", short_help="Errors of a network on a split, in 1, 5 or 10 views.")
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("shards", type=SHARDS)
@click.option("--split", default="val", show_default=True, help="train, val, or another split.")
@views_option
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    help="Draw confusion, mistakes and first-layer kernels into this folder.",
)
@click.option(
    "--predictions",
    type=OUTPUT,
    help="Write key, label, first five guesses and probabilities of each image (.parquet or CSV).",
)
@click.option("--per-class", type=OUTPUT, help="Write the errors of each class (CSV).")
@click.option("--confusion", type=OUTPUT, help="Write the counts, truth by first guess (CSV).")
@click.option(
    "--labels",
    type=OUTPUT,
    help="Count against these labels too: a JSON list of lists, in the order of the images' names "
    "(ImageNet-ReaL's form).",
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
      alextrain eval runs/paper/best.pt /shards --predictions val.csv --labels real.json
    """
    from alexprep.shards.reader import ShardReader
    from alextrain.cli.screen import Screen
    from alextrain.device import choose_machine
    from alextrain.ranks import check_alone
    from alextrain.reports.report import Answers, draw, evaluate_network
    from alextrain.use.network import Network
    from alextrain.use.other_labels import judge, read_labels

    check_alone("eval")
    _check(options)
    network = Network.load(checkpoint, choose_machine(options["device"], options["amp"]))
    reader = ShardReader(shards, split)
    network.check_fits(reader.manifest)
    file, others = options["labels"], None
    if file is not None:  # before the work, in case it does not fit
        order, classes = reader.manifest.label_order, len(network.classes)
        others = read_labels(file, reader.index.keys(), order, classes)
    wanted = any(options[name] is not None for name in _KEPT)
    answers = Answers(len(network.classes)) if wanted else None
    screen = Screen(1)
    result = evaluate_network(
        network,
        reader,
        views=int(views),
        workers=options["workers"],
        answers=answers,
        on_images=screen.evaluating,
    )
    said = [result.sentence(), *_trained_on(network, reader.manifest, split)]
    values = result.to_dict()
    if answers is not None and others is not None:
        against = judge(file, others, answers.every().guesses)
        said.append(against.sentence())
        values["relabelled"] = against.to_dict()
    click.echo(json.dumps(values) if options["as_json"] else "\n".join(said))
    if answers is None:
        return
    for path in _write(options, answers.every(), network.classes, reader.index.keys()):
        click.echo(f"Written: {path}", err=options["as_json"])
    if options["figures"] is not None:
        for path in draw(options["figures"], answers, network, reader):
            click.echo(f"Picture: {path}", err=options["as_json"])


def _trained_on(network: Network, manifest: Manifest, split: str) -> list[str]:
    """Say so where the net was trained on the images that it was asked about."""
    if split != "train" or manifest.fingerprint != network.about.get("fingerprint"):
        return []
    part = network.recipe.holdout
    held_out = f", but for the {part:.0%} that were held out" if part else ""
    return [f"Note: it was trained on these images{held_out}: this is no error on new ones"]


def _check(options: dict[str, Any]) -> None:
    """See, before the work, whether its result can be written.

    Raises:
        DiskError: a file that cannot be.
        PackageError: Parquet is asked for and pyarrow is not installed.
    """
    from alexprep.files import check_writable, disk_errors
    from alextrain.parquet import check_parquet

    for name in ("predictions", "per_class", "confusion"):
        if options[name] is not None:
            check_writable(options[name])
    if options["predictions"] is not None and options["predictions"].suffix == ".parquet":
        check_parquet()
    if (folder := options["figures"]) is not None:
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        check_writable(folder / "kernels.png")


def _write(
    options: dict[str, Any], answered: Answered, classes: list[str], keys: list[str]
) -> Iterator[Path]:
    """Write the files that were asked for and yield their paths."""
    from alextrain.use.answered import write_classes, write_confusion, write_predictions

    for name, write, names in (
        ("predictions", write_predictions, keys),
        ("per_class", write_classes, classes),
        ("confusion", write_confusion, classes),
    ):
        if options[name] is not None:
            write(options[name], answered, names)
            yield options[name]
