"""`alextrain fit`: shards to a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alextrain.cli.options import CHECKPOINT, SHARDS, cache_option, machine_options, workers_option

if TYPE_CHECKING:
    from alextrain.device import Machine
    from alextrain.recipe import Recipe
    from alextrain.run import RunResult
    from alextrain.sets import Sets

# options that override a key of the recipe
_RECIPE_OPTIONS = (
    click.option("--model", help="The net, e.g. paper, authors or quick. [default: the recipe's]"),
    click.option("--width", type=float, help="Fraction of the kernels of each layer, e.g. 0.25."),
    click.option("--crop", type=int, help="Side of the square that the net sees; 227 of 256."),
    click.option("--epochs", type=int, help="How often each image is seen."),
    click.option("--batch-size", type=int, help="Images a step."),
    click.option("--lr", type=float, help="The first learning rate."),
    click.option("--init", help="How the weights begin: paper, authors, caffe, he, torch."),
    click.option("--seed", type=int, help="Of weights, order, crops, colours and dropout."),
    click.option(
        "--holdout", type=float, help="Part of train kept out and validated on, e.g. 0.05."
    ),
)


def _recipe_options(command: Any) -> Any:
    for option in reversed(_RECIPE_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("shards", type=SHARDS)
@click.option(
    "--recipe", default="paper", show_default=True, help="A recipe's name, or a .toml file."
)
@_recipe_options
@machine_options
@workers_option
@cache_option
@click.option("--compile", "compiled", is_flag=True, help="Compile the net with torch.compile.")
@click.option(
    "--run",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder for checkpoints, logs and curves. [default: runs/RECIPE]",
)
@click.option("--resume", is_flag=True, help="Continue the run in --run from its last checkpoint.")
@click.option(
    "--weights", type=CHECKPOINT, help="Start from the weights of another run (fine-tune)."
)
def fit(shards: Path, **options: Any) -> None:
    """Train a network on SHARDS.

    SHARDS is a folder that `alexprep shard` and `alexprep stats` have made. Checkpoints (last.pt,
    best.pt), logs (log.jsonl, epochs.csv, TensorBoard) and curves.png go into the run's folder.
    Ctrl-C saves and says how to resume; a resumed run equals an uninterrupted one.

    \b
    Examples:
      alextrain fit /shards                                the paper, 90 epochs
      alextrain fit /shards --recipe quick --epochs 30
      alextrain fit /shards --width 0.25 --crop 143        a quarter of the kernels
      alextrain fit /shards --run runs/paper --resume
    """
    from alextrain.cli.screen import Screen
    from alextrain.device import choose_machine

    machine = choose_machine(options["device"], options["amp"])
    recipe = _recipe(options)
    folder = options["folder"] or Path("runs") / recipe.name
    screen = Screen(recipe.epochs)
    with screen.listening():
        sets = _open(shards, recipe, machine, options, screen)
        result = _fit(folder, sets, recipe, machine, options, screen)
    _finish(result, shards, folder, sets, screen)


def _recipe(options: dict[str, Any]) -> Recipe:
    from alextrain.checkpoint import load_latest
    from alextrain.errors import RecipeError
    from alextrain.recipe import load_recipe
    from alextrain.snapshot import recipe_of

    names = ("model", "width", "crop", "epochs", "batch_size", "lr", "init", "seed", "holdout")
    overrides = {name: options[name] for name in names if options[name] is not None}
    if not options["resume"]:
        return load_recipe(options["recipe"], overrides)
    folder = options["folder"]
    if folder is None:
        raise RecipeError("--resume needs --run FOLDER: the run to continue")
    if overrides:
        given = ", ".join(f"--{name.replace('_', '-')}" for name in overrides)
        raise RecipeError(f"--resume continues the run's own recipe; leave out {given}")
    return recipe_of(load_latest(folder)[0])


def _open(
    shards: Path, recipe: Recipe, machine: Machine, options: dict[str, Any], screen: Any
) -> Sets:
    from alextrain.sets import open_sets

    return open_sets(
        shards,
        recipe,
        machine,
        cache=options["cache"],
        workers=options["workers"],
        on_cached=screen.caching,
    )


def _fit(
    folder: Path,
    sets: Sets,
    recipe: Recipe,
    machine: Machine,
    options: dict[str, Any],
    screen: Any,
) -> RunResult:
    from alextrain.run import Run
    from alextrain.setup import banner, make_trainer

    trainer = make_trainer(recipe, machine, len(sets.manifest.classes), options["compiled"])
    for line in banner(folder, sets, trainer, machine):
        screen.say(line)
    run = Run(folder, sets, trainer, machine, screen)
    run.start(options["resume"], options["weights"])
    return run.fit()


def _finish(result: RunResult, shards: Path, folder: Path, sets: Sets, screen: Any) -> None:
    from alextrain.figures import draw_curves
    from alextrain.runlog import read_epochs

    epochs = read_epochs(folder)
    if epochs:
        draw_curves(folder / "curves.png", epochs, len(sets.manifest.classes))
        click.echo(f"Curves: {folder / 'curves.png'}")
    if not result.finished:
        click.echo(
            f"Stopped at step {result.step:,}; continue with:\n"
            f"  alextrain fit {shards} --run {folder} --resume"
        )
        raise SystemExit(screen.exit_code)
    if sets.validation is None:
        click.echo(f"Nothing was validated: there is no val split. Weights: {result.checkpoint}")
    else:
        best = min(epochs, key=lambda row: row["val_top1_error"])
        top5 = f", top-5 error {best['val_top5_error']:.2%}" if best["top_k"] == 5 else ""
        click.echo(
            f"Best epoch {best['epoch']}: top-1 error {best['val_top1_error']:.2%}{top5} "
            f"({sets.validation.name}, 1 view). Weights: {result.checkpoint}"
        )
    split = "val" if "val" in sets.manifest.splits else "train"
    click.echo(
        "Next:\n"
        f"  alextrain eval {result.checkpoint} {shards} --split {split} --views 10\n"
        f"  alextrain predict {result.checkpoint} IMAGE"
    )
