"""`alextrain fit`: shards to a trained network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alextrain.cli.find_lr import find_lr
from alextrain.cli.fit_parts import begin, check_validated, finish, make_run, open_shards
from alextrain.cli.options import (
    CHECKPOINT,
    RECIPE_KEYS,
    SHARDS_OR_TARS,
    cache_option,
    decode_option,
    machine_options,
    overrides_of,
    set_option,
    tars_options,
    workers_option,
)

if TYPE_CHECKING:
    from alextrain.device import Machine
    from alextrain.ranks import Ranks
    from alextrain.training.run import Run, RunResult
    from alextrain.training.sets import Sets

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
@click.argument("shards", type=SHARDS_OR_TARS)
@click.option(
    "--recipe", default="paper", show_default=True, help="A recipe's name, or a .toml file."
)
@_recipe_options
@set_option
@machine_options
@workers_option
@cache_option
@decode_option
@tars_options
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
    "--histograms",
    is_flag=True,
    help="Give TensorBoard histograms of all weights, and of the activations of the same images, "
    "after each epoch.",
)
@click.option(
    "--find-lr",
    is_flag=True,
    help="Train for 100 steps with a rising rate, draw the loss over it, name a rate; keep nothing "
    "else.",
)
@click.option(
    "--repeat",
    type=click.IntRange(2),
    metavar="K",
    help="Train with K seeds, each in a folder of its own; give mean, deviation and how many "
    "learned.",
)
@click.option(
    "--weights",
    type=CHECKPOINT,
    help="Start from the weights of another run, or (--model torchvision) of torchvision's "
    "alexnet; with other classes the last layer is new.",
)
def fit(shards: Path | str, **options: Any) -> None:
    """Train a network on SHARDS.

    SHARDS is a folder that `alexprep shard` and `alexprep stats` have made; or WebDataset tars that
    others made: a folder of them, or paths and URLs with braces, which are streamed. Checkpoints
    (last.pt, best.pt), logs (log.jsonl, epochs.csv, TensorBoard), curves.png and report.html go
    into the run's folder. Ctrl-C and SIGTERM save and say how to resume, SIGUSR1 saves and goes on;
    a resumed run equals an uninterrupted one.

    Started by torchrun, the processes share each batch: --batch-size is that of all together, and
    the result is the same but for rounding.

    \b
    Examples:
      alextrain fit /shards                                the paper, 90 epochs
      alextrain fit /shards --recipe quick --epochs 30
      alextrain fit /shards --width 0.25 --crop 143        a quarter of the kernels
      alextrain fit /shards --recipe mine.toml --set clip=2 --set policy=cosine
      alextrain fit /shards --run runs/paper --resume
      alextrain fit /shards --recipe quick --find-lr
      alextrain fit 'https://host/t-{000..099}.tar' --classes 1000 --samples 1281167
      alextrain fit /shards --recipe quick --repeat 3
      torchrun --nproc-per-node 8 -m alextrain fit /shards --run-folder runs/big --resume auto
    """
    from alextrain.device import choose_machine
    from alextrain.ranks import agreed, joined

    machine = choose_machine(options["device"], options["amp"])
    with joined(machine.device) as ranks:
        if options["find_lr"]:
            with agreed(ranks):
                find_lr(shards, machine, options, ranks)
        elif options["repeat"]:
            _repeat(shards, machine, options, ranks)
        else:
            fit_once(shards, machine, options, ranks)


def fit_once(
    shards: Path | str,
    machine: Machine,
    options: dict[str, Any],
    ranks: Ranks,
    *,
    compared: bool = False,
) -> Sets:
    """Train once; stopped by the user, end with the status of the signal.

    Args:
        shards: See `fit`.
        machine: Device and precision.
        options: Of the command.
        ranks: The processes of the run.
        compared: By its validation errors, so there have to be some.

    Returns:
        What was trained and validated on.
    """
    from alextrain.cli.screen import Screen
    from alextrain.ranks import agreed

    with agreed(ranks):
        recipe, folder, latest = begin(shards, options)
    if latest is not None and latest.content["progress"]["epoch"] >= recipe.epochs:
        options = options | {"cache": "off"}  # nothing is left to train
    screen = Screen(recipe.epochs, silent=not ranks.first)
    with screen.listening():
        with agreed(ranks):
            sets = open_shards(shards, recipe, machine, options, screen, ranks)
            if compared:
                check_validated(sets, shards)
            run = make_run(folder, sets, recipe, machine, options, screen, ranks)
            run.start(latest, options["weights"])
        result = _train(run)
    if ranks.first:
        finish(result, shards, folder, sets, machine)
    if not result.finished:
        raise SystemExit(screen.exit_code)
    return sets


def _train(run: Run) -> RunResult:
    """Train; of several processes that diverge, which they do at one step, the first one speaks."""
    from alextrain.errors import DivergedError

    try:
        return run.fit()
    except DivergedError:
        if run.ranks.first:
            raise
        raise SystemExit(1) from None


def _repeat(shards: Path | str, machine: Machine, options: dict[str, Any], ranks: Ranks) -> None:
    """Train with several seeds, each in a folder of its own, and compare."""
    from alexprep.files import write_atomically
    from alextrain.ranks import agreed
    from alextrain.recipes.recipe import load_recipe, setting
    from alextrain.studies.repeat import repeats_of, seeded

    with agreed(ranks):
        recipe = load_recipe(options["recipe"], overrides_of(options, RECIPE_KEYS))
        recipes = seeded(recipe, options["repeat"])
    folder = options["folder"] or Path("runs") / recipe.name
    folders = [folder / f"seed-{one.seed}" for one in recipes]
    # --resume of all of them means: of those that have begun
    resume = "auto" if options["resume"] else None
    settings = [text for text in options["settings"] if setting(text)[0] != "seed"]
    same = options | {"resume": resume, "settings": settings}
    for one, own in zip(recipes, folders, strict=True):
        own_options = same | {"seed": one.seed, "folder": own}
        sets = fit_once(shards, machine, own_options, ranks, compared=True)
    if ranks.first:
        found = repeats_of(folders, recipes, len(sets.manifest.classes))
        write_atomically(folder / "repeat.json", json.dumps(found.to_dict()).encode())
        click.echo("\n".join(found.lines()))
        click.echo(f"The same as JSON: {folder / 'repeat.json'}")
