"""`alextrain fit --find-lr`: a range test of the rate."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alextrain.cli.fit_parts import open_shards
from alextrain.cli.options import RECIPE_KEYS, overrides_of

if TYPE_CHECKING:
    from alextrain.device import Machine
    from alextrain.ranks import Ranks


def find_lr(shards: Path | str, machine: Machine, options: dict[str, Any], ranks: Ranks) -> None:
    """Search, draw, name a rate and the next command.

    Raises:
        RecipeError: several processes share the job.
    """
    from alextrain.cli.screen import Screen
    from alextrain.errors import RecipeError
    from alextrain.figures.rate_range import draw_rate_range
    from alextrain.recipes.recipe import load_recipe
    from alextrain.studies.rate_range import STEPS, batches_without_end, search_rate
    from alextrain.training.feed import Feed
    from alextrain.training.setup import Memory, make_augmenter, make_trainer

    if ranks.count > 1:
        raise RecipeError("--find-lr is for one process; start it without torchrun")
    recipe = load_recipe(options["recipe"], overrides_of(options, RECIPE_KEYS))
    folder = options["folder"] or Path("runs") / recipe.name
    screen = Screen(1)
    sets = open_shards(shards, recipe, machine, options, screen, ranks)
    memory = Memory(options["micro_batch"], options["recompute"])
    trainer = make_trainer(
        recipe, machine, len(sets.manifest.classes), options["compiled"], ranks, memory
    )
    augmenter = make_augmenter(recipe, sets.statistics, machine)
    feed = Feed(sets, recipe, augmenter, ranks)

    def rising(done: int, total: int) -> None:
        screen.counting("rising rate", done, total, "steps")

    found = search_rate(trainer, batches_without_end(feed), on_step=rising)
    rising(STEPS, STEPS)  # it may have ended early
    folder.mkdir(parents=True, exist_ok=True)
    draw_rate_range(folder / "find-lr.png", found)
    low, high = found.rates[0], found.rates[-1]
    click.echo(f"Picture: {folder / 'find-lr.png'}")
    if found.chosen is None:
        raise RecipeError(
            f"the loss fell at no rate from {low:.1e} to {high:.1e} in {len(found.rates)} steps: "
            "nothing to choose from. A net that is slow to begin (init paper) needs more steps; "
            "try --init he, or choose by hand"
        )
    click.echo(
        f"{len(found.rates)} steps, rates {low:.1e} to {high:.1e}: the loss was least at "
        f"{found.turn:.1e}; a tenth of that is a good first rate: {found.chosen:g}\n"
        f"Next:\n  {_again(shards, options)} --lr {found.chosen:g}"
    )


def _again(shards: Path | str, options: dict[str, Any]) -> str:
    """Return the command that trains, with the overrides as they are typed, the rate apart."""
    if isinstance(shards, str):  # tars: much has to be said of them again
        return "the same command without --find-lr, and"
    own = [
        f" --{name.replace('_', '-')} {options[name]}"
        for name in RECIPE_KEYS
        if name != "lr" and options[name] is not None
    ]
    texts = [text for text in options["settings"] if text.split("=")[0].strip() != "lr"]
    own += [f" --set {shlex.quote(text)}" for text in texts]
    return f"alextrain fit {shards} --recipe {options['recipe']}{''.join(own)}"
