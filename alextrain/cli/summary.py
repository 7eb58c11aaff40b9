"""`alextrain summary` and `alextrain recipes`: what a recipe holds."""

from __future__ import annotations

import click


@click.command()
@click.option("--recipe", default="paper", show_default=True, help="A recipe's name, or a .toml.")
@click.option(
    "--classes", type=click.IntRange(2), default=1000, show_default=True, help="Units of fc8."
)
@click.option("--width", type=float, help="Fraction of the kernels of each layer.")
@click.option("--crop", type=int, help="Side of the square that the net sees.")
def summary(recipe: str, classes: int, **overrides: float | int | None) -> None:
    """Show a net: layers, shapes, parameters, multiply-accumulates, memory per image.

    \b
    Example:
      alextrain summary --recipe one-tower --classes 10
    """
    from alextrain.recipe import load_recipe
    from alextrain.summary import summarise, summary_table

    loaded = load_recipe(recipe, {k: v for k, v in overrides.items() if v is not None})
    click.echo(summary_table(summarise(loaded.network, classes, loaded.input.crop)))


@click.command()
def recipes() -> None:
    """List the recipes that come with the program."""
    from alextrain.recipe import load_recipe, recipe_names

    for name in recipe_names():
        loaded = load_recipe(name)
        click.echo(
            f"{name:<12} {loaded.network.model}, crop {loaded.input.crop}, "
            f"batch {loaded.batch_size}, {loaded.epochs} epochs"
        )
