"""What `alextrain fit` does, part by part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from alextrain.cli.screen import Screen
    from alextrain.device import Machine
    from alextrain.ranks import Ranks
    from alextrain.recipes.recipe import Recipe
    from alextrain.training.run import Run, RunResult
    from alextrain.training.sets import Sets


_OF_TARS = ("val", "stats", "size", "samples", "classes")


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
    from alextrain.errors import RecipeError
    from alextrain.training.streamed_sets import Tars, open_streamed

    if options["repeat"] and options["val"] is None:
        raise RecipeError("--repeat compares validation errors; give --val TARS")
    given = Tars(
        text,
        classes=options["classes"],
        samples=options["samples"],
        validation=options["val"],
        statistics=options["stats"],
        size=options["size"] or 256,
    )
    return open_streamed(given, recipe, machine, options["workers"], ranks)


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
    from alextrain.training.runlog import read_epochs

    epochs, classes = read_epochs(folder), len(sets.manifest.classes)
    if epochs:
        story = read_story(folder)
        lines = published_for(story.recipe.name, classes)
        draw_curves(folder / "curves.png", epochs, classes, lines)
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
    split = "val" if "val" in sets.manifest.splits else "train"
    of_shards = (
        f"  alextrain eval {result.checkpoint} {shards} --split {split} --views 10\n"
        f"  alextrain report {folder} {shards}\n"
    )
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
