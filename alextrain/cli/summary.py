"""`alextrain summary` and `alextrain recipes`: what a recipe holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alexprep.cli.group import Cli
from alextrain.cli.options import overrides_of, set_option


@click.command(short_help="A net layer by layer: shapes, parameters, multiply-adds.")
@click.option("--recipe", default="paper", show_default=True, help="A recipe's name, or a .toml.")
@click.option(
    "--classes", type=click.IntRange(2), default=1000, show_default=True, help="Units of fc8."
)
@click.option("--width", type=float, help="Fraction of the kernels of each layer.")
@click.option("--crop", type=int, help="Side of the square that the net sees.")
@set_option
def summary(recipe: str, classes: int, **options: Any) -> None:
    """Show a net: layers, shapes, parameters, multiply-accumulates, memory per image.

    \b
    Examples:
      alextrain summary --recipe one-tower --classes 10
      alextrain summary --set lrn=off --set pools=disjoint
    """
    from alextrain.models.summary import summarise, summary_table
    from alextrain.recipes.recipe import load_recipe

    loaded = load_recipe(recipe, overrides_of(options, ("width", "crop")))
    click.echo(summary_table(summarise(loaded.network, classes, loaded.input.crop)))


@click.group(
    cls=Cli,
    short_help="The recipes by name; show one, or in what two differ.",
    invoke_without_command=True,
)
@click.pass_context
def recipes(ctx: click.Context) -> None:
    """List the recipes that come with the program, show one, or compare two.

    \b
    Examples:
      alextrain recipes
      alextrain recipes show authors
      alextrain recipes diff paper authors
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_recipes)


@recipes.command(name="list")
def list_recipes() -> None:
    """List the recipes that come with the program."""
    from alextrain.recipes.recipe import load_recipe, recipe_names

    for name in recipe_names():
        loaded = load_recipe(name)
        click.echo(
            f"{name:<12} {loaded.network.model}, crop {loaded.input.crop}, "
            f"batch {loaded.batch_size}, {loaded.epochs} epochs"
        )


@recipes.command()
@click.argument("recipe")
def show(recipe: str) -> None:
    """Print a recipe: its text, to be copied and changed, and what it amounts to.

    \b
    Example:
      alextrain recipes show authors
    """
    from alextrain.recipes.recipe import load_recipe, recipe_text
    from alextrain.studies.facets import describe

    loaded = load_recipe(recipe)
    click.echo(recipe_text(recipe).rstrip())
    click.echo("\n# In words:")
    for topic, words in describe(loaded).items():
        click.echo(f"# {topic:<21} {words}")


@recipes.command()
@click.argument("first")
@click.argument("second")
def diff(first: str, second: str) -> None:
    """Say in what two recipes differ; each is a name, or a .toml file.

    \b
    Examples:
      alextrain recipes diff paper authors
      alextrain recipes diff paper runs/mine/recipe.toml
    """
    from alextrain.recipes.recipe import load_recipe
    from alextrain.studies.facets import differences

    found = differences(load_recipe(first), load_recipe(second))
    if not found:
        click.echo(f"{first} and {second} train alike")
        return
    names = (Path(first).name, Path(second).name)
    width = max(len(words) for words in (*names, *(a for _, a, _ in found)))
    for topic, mine, its in [("", *names), *found]:
        click.echo(f"{topic:<21} {mine:<{width}}  {its}".rstrip())
