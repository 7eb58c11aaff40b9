"""`alextrain fit`: shards to a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alextrain.cli.options import (
    CHECKPOINT,
    SHARDS,
    cache_option,
    machine_options,
    overrides_of,
    set_option,
    workers_option,
)

if TYPE_CHECKING:
    from alextrain.checkpoint import Latest
    from alextrain.cli.screen import Screen
    from alextrain.device import Machine
    from alextrain.ranks import Ranks
    from alextrain.recipe import Recipe
    from alextrain.run import Run, RunResult
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
@set_option
@machine_options
@workers_option
@cache_option
@click.option(
    "--micro-batch",
    type=click.IntRange(1),
    metavar="N",
    help="Compute at most so many images of a batch at a time; the step stays the same.",
)
@click.option(
    "--recompute", is_flag=True, help="Keep less for the backward pass; compute it again there."
)
@click.option("--compile", "compiled", is_flag=True, help="Compile the net with torch.compile.")
@click.option(
    "--run",
    "--run-folder",  # torchrun takes --run for a short form of an option of its own
    "folder",
    type=click.Path(path_type=Path),
    help="Folder for checkpoints, logs and curves. [default: runs/RECIPE]",
)
@click.option(
    "--resume",
    type=click.Choice(["must", "auto"]),
    is_flag=False,
    flag_value="must",
    help="Continue the run in --run from its newest whole checkpoint; `--resume auto` begins it "
    "where there is none yet, as a batch script wants.",
)
@click.option(
    "--save-every",
    type=click.IntRange(1),
    metavar="STEPS",
    help="Also save every so many steps. [default: each epoch, and every 10 minutes]",
)
@click.option(
    "--keep",
    type=click.IntRange(1, 100),
    default=2,
    show_default=True,
    help="Checkpoints to keep beside the best one.",
)
@click.option(
    "--weights", type=CHECKPOINT, help="Start from the weights of another run (fine-tune)."
)
def fit(shards: Path, **options: Any) -> None:
    """Train a network on SHARDS.

    SHARDS is a folder that `alexprep shard` and `alexprep stats` have made. Checkpoints (last.pt,
    best.pt), logs (log.jsonl, epochs.csv, TensorBoard) and curves.png go into the run's folder.
    Ctrl-C and SIGTERM save and say how to resume, SIGUSR1 saves and goes on; a resumed run equals
    an uninterrupted one.

    Started by torchrun, the processes share each batch: --batch-size is that of all together, and
    the result is the same but for rounding.

    \b
    Examples:
      alextrain fit /shards                                the paper, 90 epochs
      alextrain fit /shards --recipe quick --epochs 30
      alextrain fit /shards --width 0.25 --crop 143        a quarter of the kernels
      alextrain fit /shards --recipe mine.toml --set clip=2 --set policy=cosine
      alextrain fit /shards --run runs/paper --resume
      torchrun --nproc-per-node 8 -m alextrain fit /shards --run-folder runs/big --resume auto
    """
    from alextrain.cli.screen import Screen
    from alextrain.device import choose_machine
    from alextrain.ranks import joined

    machine = choose_machine(options["device"], options["amp"])
    recipe, folder, latest = _begin(options)
    with joined(machine.device) as ranks:
        screen = Screen(recipe.epochs, silent=not ranks.first)
        with screen.listening():
            sets = _open(shards, recipe, machine, options, screen, ranks)
            run = _run(folder, sets, recipe, machine, options, screen, ranks)
            run.start(latest, options["weights"])
            result = run.fit()
        if ranks.first:
            _finish(result, shards, folder, sets)
    if not result.finished:
        raise SystemExit(screen.exit_code)


def _begin(options: dict[str, Any]) -> tuple[Recipe, Path, Latest | None]:
    """Return the recipe, the run's folder, and the checkpoint to continue from, if any."""
    from alextrain.checkpoint import has_run, load_latest
    from alextrain.errors import RecipeError
    from alextrain.recipe import load_recipe
    from alextrain.snapshot import check_same_recipe, recipe_of

    names = ("model", "width", "crop", "epochs", "batch_size", "lr", "init", "seed", "holdout")
    overrides = overrides_of(options, names)
    folder, resume = options["folder"], options["resume"]
    if resume == "must":
        if folder is None:
            raise RecipeError("--resume needs --run FOLDER: the run to continue")
        if overrides:
            own = [f"--{name.replace('_', '-')}" for name in names if name in overrides]
            given = ", ".join(own + ["--set"] * bool(options["settings"]))
            raise RecipeError(f"--resume continues the run's own recipe; leave out {given}")
        latest = load_latest(folder)
        return recipe_of(latest.content), folder, latest
    recipe = load_recipe(options["recipe"], overrides)
    folder = folder or Path("runs") / recipe.name
    if resume is None or not has_run(folder):
        return recipe, folder, None
    latest = load_latest(folder)
    check_same_recipe(latest.content, recipe, str(folder))
    return recipe, folder, latest


def _open(
    shards: Path,
    recipe: Recipe,
    machine: Machine,
    options: dict[str, Any],
    screen: Screen,
    ranks: Ranks,
) -> Sets:
    from alextrain.sets import open_sets

    return open_sets(
        shards,
        recipe,
        machine,
        cache=options["cache"],
        workers=options["workers"],
        ranks=ranks,
        on_cached=screen.caching,
    )


def _run(
    folder: Path,
    sets: Sets,
    recipe: Recipe,
    machine: Machine,
    options: dict[str, Any],
    screen: Screen,
    ranks: Ranks,
) -> Run:
    from alextrain.run import Run, Saving
    from alextrain.setup import Memory, banner, make_trainer

    classes = len(sets.manifest.classes)
    memory = Memory(options["micro_batch"], options["recompute"])
    trainer = make_trainer(recipe, machine, classes, options["compiled"], ranks, memory)
    for line in banner(folder, sets, trainer, machine):
        screen.say(line)
    saving = Saving(steps=options["save_every"], keep=options["keep"])
    return Run(folder, sets, trainer, machine, screen, saving)


def _finish(result: RunResult, shards: Path, folder: Path, sets: Sets) -> None:
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
        return
    if sets.validation is None:
        click.echo(f"Nothing was validated: there is no val split. Weights: {result.checkpoint}")
    else:
        best = min(epochs, key=lambda row: row["val_top1_error"])
        known = "val_top5_error" in best
        top5 = f", top-5 error {best['val_top5_error']:.2%}" if known else ""
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
