"""What `alextrain fit` does, part by part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alextrain.cli.options import RECIPE_KEYS, overrides_of

if TYPE_CHECKING:
    from alextrain.cli.screen import Screen
    from alextrain.device import Machine
    from alextrain.ranks import Ranks
    from alextrain.recipes.recipe import Recipe
    from alextrain.training.checkpoint import Latest
    from alextrain.training.run import Run, RunResult
    from alextrain.training.sets import Sets


_OF_TARS = ("val", "stats", "size", "samples", "classes")


def begin(shards: Path | str, options: dict[str, Any]) -> tuple[Recipe, Path, Latest | None]:
    """Return the recipe, the run's folder, and the checkpoint to continue from, if any."""
    from alextrain.data.tars import shown
    from alextrain.errors import RecipeError
    from alextrain.recipes.recipe import load_recipe
    from alextrain.training.checkpoint import has_run, load_latest, refuse_run
    from alextrain.training.snapshot import check_same_recipe, recipe_of

    overrides = overrides_of(options, RECIPE_KEYS)
    folder, resume = options["folder"], options["resume"]
    if resume == "must":
        if folder is None:
            raise RecipeError("--resume needs --run FOLDER: the run to continue")
        if overrides:
            own = [f"--{name.replace('_', '-')}" for name in RECIPE_KEYS if name in overrides]
            given = ", ".join(own + ["--set"] * bool(options["settings"]))
            raise RecipeError(
                f"--resume continues the run's own recipe; leave out {given}, or begin another run "
                f"from its weights: --weights {folder}/last.pt --run ANOTHER"
            )
        if options["weights"] is not None:
            raise RecipeError("--resume goes on from the run's own weights; leave out --weights")
        latest = load_latest(folder)
        return recipe_of(latest.content), folder, latest
    recipe = load_recipe(options["recipe"], overrides)
    folder = folder or Path("runs") / recipe.name
    if resume is None:
        refuse_run(folder, shown(str(shards)))  # here already: what comes next may decode a set
    if not has_run(folder):
        return recipe, folder, None
    latest = load_latest(folder)
    check_same_recipe(latest.content, recipe, str(folder))
    return recipe, folder, latest


def open_shards(
    shards: Path | str,
    recipe: Recipe,
    machine: Machine,
    options: dict[str, Any],
    screen: Screen,
    ranks: Ranks,
) -> Sets:
    """Open the shards, or the tars, with the options of the command."""
    from alexprep.shards.manifest import Manifest
    from alextrain.training.sets import open_sets

    if isinstance(shards, str):
        return _open_tars(shards, recipe, machine, options, ranks)
    if given := [f"--{name}" for name in _OF_TARS if options.get(name) is not None]:
        manifest = Manifest.load(shards)  # what is neither tars nor a set is named here
        raise click.UsageError(
            f"{', '.join(given)}: of tars only; {shards} is a set of shards, with "
            f"{len(manifest.classes):,} classes"
        )
    return open_sets(
        shards,
        recipe,
        machine,
        cache=options["cache"],
        decode=options["decode"],
        workers=options["workers"],
        ranks=ranks,
        on_cached=screen.caching,
    )


def _open_tars(
    text: str, recipe: Recipe, machine: Machine, options: dict[str, Any], ranks: Ranks
) -> Sets:
    from alextrain.training.streamed_sets import Tars, open_streamed

    given = Tars(
        text,
        classes=options["classes"],
        samples=options["samples"],
        validation=options["val"],
        statistics=options["stats"],
        size=options["size"] or 256,
    )
    return open_streamed(given, recipe, machine, options["workers"], ranks)


def check_validated(sets: Sets, shards: Path | str) -> None:
    """Raise RecipeError where runs are to be compared and nothing is validated."""
    from alextrain.data.tars import shown
    from alextrain.errors import RecipeError

    if sets.validation is None:
        cure = (
            "--val TARS"
            if isinstance(shards, str)
            else "shards with a val split, or a recipe with a holdout"
        )
        raise RecipeError(
            f"{shown(str(shards))}: has no val split, and runs are compared by their validation "
            f"errors; give {cure}"
        )


def make_run(
    folder: Path,
    sets: Sets,
    recipe: Recipe,
    machine: Machine,
    options: dict[str, Any],
    screen: Screen,
    ranks: Ranks,
) -> Run:
    """Make the run with the options of the command, and say what it is."""
    from alextrain.training.run import Run
    from alextrain.training.saving import Saving
    from alextrain.training.setup import Memory, banner, make_trainer

    classes = len(sets.manifest.classes)
    memory = Memory(options["micro_batch"], options["recompute"])
    trainer = make_trainer(recipe, machine, classes, options["compiled"], ranks, memory)
    for line in banner(folder, sets, trainer, machine):
        screen.say(line)
    saving = Saving(steps=options["save_every"], keep=options["keep"])
    return Run(folder, sets, trainer, machine, screen, saving, histograms=options["histograms"])


def finish(
    result: RunResult, shards: Path | str, folder: Path, sets: Sets, machine: Machine
) -> None:
    """Draw the pictures, write the report, say how the run ended and what to do next."""
    from alextrain.figures import draw_curves
    from alextrain.reports.run_report import write_report
    from alextrain.studies.compare import read_story
    from alextrain.studies.published import published_for
    from alextrain.training.logged import read_epochs, read_rates

    epochs, classes = read_epochs(folder), len(sets.manifest.classes)
    if epochs:
        story = read_story(folder)
        lines = published_for(story.recipe.name, classes)
        draw_curves(folder / "curves.png", epochs, classes, lines, read_rates(folder))
        if result.finished:
            _draw_pictures(result, shards, folder, sets, machine)
        click.echo(f"Report: {write_report(folder, story)}")
    if not result.finished:
        again = f"  alextrain fit {shards} --run {folder} --resume"
        if isinstance(shards, str):
            again = "  the same command and --resume auto"
        click.echo(f"Stopped at step {result.step:,}; continue with:\n{again}")
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
    of_shards = f"  alextrain report {folder} {shards}\n"
    if "val" in sets.manifest.splits:
        of_shards = f"  alextrain eval {result.checkpoint} {shards} --views 10\n{of_shards}"
    click.echo(
        f"Next:\n{'' if isinstance(shards, str) else of_shards}"
        f"  alextrain predict {result.checkpoint} IMAGE"
    )


def _draw_pictures(
    result: RunResult, shards: Path | str, folder: Path, sets: Sets, machine: Machine
) -> None:
    """Draw what the network sees and mistakes; where that fails, the run has not."""
    from alexprep.errors import AlexError
    from alextrain.reports.ending import draw_ending
    from alextrain.use.network import Network

    try:
        network = Network.load(result.checkpoint, machine)
        images = None if isinstance(shards, str) else shards
        draw_ending(folder / "figures", network, images, sets.validation)
    except AlexError as error:
        click.echo(f"No pictures: {error}")
