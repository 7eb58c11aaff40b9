"""`alextrain compare`: runs side by side."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path)


@click.command(short_help="Put runs side by side: errors, losses, time, recipes.")
@click.argument("runs", nargs=-1, required=True, type=FOLDER)
@click.option(
    "--figure",
    type=FOLDER,
    default="comparison.png",
    show_default=True,
    help="Where the curves are drawn.",
)
def compare(runs: tuple[Path, ...], figure: Path) -> None:
    """Put RUNS side by side: errors, losses, time, and in what their recipes differ.

    A run that is still going on is shown as far as it is.

    \b
    Example:
      alextrain compare runs/paper runs/authors runs/quick
    """
    from dataclasses import replace

    from alextrain.figures.comparison import draw_comparison
    from alextrain.studies.compare import beside, read_story, table, unique_names

    names = unique_names(runs)
    stories = [replace(read_story(run), name=name) for run, name in zip(runs, names, strict=True)]
    for line in table(stories):
        click.echo(line)
    first, *others = stories
    for other in others:
        click.echo(f"\n{other.name} differs from {first.name}:")
        for line in beside(first, other):
            click.echo(f"  {line}")
    draw_comparison(figure, {story.name: story.epochs for story in stories})
    click.echo(f"\nPicture: {figure}")
