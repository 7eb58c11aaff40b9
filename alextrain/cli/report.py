"""`alextrain report`: a run as one page."""

from __future__ import annotations

from pathlib import Path

import click

from alextrain.cli.options import SHARDS


@click.command(short_help="A run as one page: RUN/report.html.")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("shards", type=SHARDS, required=False)
@click.option("--split", default="val", show_default=True, help="Whose images are shown.")
def report(run: Path, shards: Path | None, split: str) -> None:
    """Write RUN/report.html: one file with all there is to see of a run, pictures included.

    Curves, errors, recipe, machine and time of the run, and what lies in RUN/figures. With SHARDS
    the pictures of `alextrain figures` are drawn first. `alextrain fit` writes the same page at its
    end, with kernels, and with mistakes and confusion of at most 2,000 validation images.

    \b
    Example:
      alextrain report runs/paper /shards
    """
    from alextrain.cli.screen import Screen
    from alextrain.device import choose_machine
    from alextrain.figures import draw_curves
    from alextrain.reports.gallery import draw_gallery
    from alextrain.reports.run_report import write_report
    from alextrain.studies.compare import read_story
    from alextrain.studies.published import published_for
    from alextrain.training.checkpoint import BEST, LAST
    from alextrain.training.logged import read_rates
    from alextrain.use.network import Network

    story = read_story(run)
    if shards is not None:
        checkpoint = run / (BEST if (run / BEST).exists() else LAST)
        network = Network.load(checkpoint, choose_machine())
        pictures = draw_gallery(
            run / "figures", network, shards, split, on_images=Screen(1).counting
        )
        for path in pictures:
            click.echo(f"Picture: {path}")
        classes = len(network.classes)
        lines = published_for(story.recipe.name, classes)
        draw_curves(run / "curves.png", story.epochs, classes, lines, read_rates(run))
    click.echo(f"Report: {write_report(run, story)}")
