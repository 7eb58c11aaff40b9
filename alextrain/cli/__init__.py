"""The command line of alextrain: parse, call, print."""

from __future__ import annotations

import click

from alexprep.cli.group import Cli
from alextrain.cli.ablate import ablate
from alextrain.cli.bench import bench
from alextrain.cli.compare import compare
from alextrain.cli.evaluate import eval_command
from alextrain.cli.export import export
from alextrain.cli.features import features, neighbours, probe
from alextrain.cli.figures import figures
from alextrain.cli.fit import fit
from alextrain.cli.predict import predict
from alextrain.cli.report import report
from alextrain.cli.serve import serve
from alextrain.cli.shrink import prune, quantise
from alextrain.cli.summary import recipes, summary
from alextrain.version import __version__


@click.group(cls=Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="alextrain")
def main() -> None:
    """Train AlexNet from shards, evaluate it and put it to use.

    \b
    Example, from the archives to a prediction:
      alexprep shard /raw /shards
      alexprep stats /shards
      alextrain fit /shards --run runs/first
      alextrain eval runs/first/best.pt /shards --views 10
      alextrain predict runs/first/best.pt photo.jpg
    """


for command in (
    fit,
    bench,
    compare,
    ablate,
    report,
    eval_command,
    predict,
    features,
    neighbours,
    probe,
    figures,
    export,
    quantise,
    prune,
    serve,
    summary,
    recipes,
):
    main.add_command(command)
