"""The commands on a small set, as a user would give them."""

import csv

from click.testing import CliRunner

from alexprep.cli import main as alexprep
from alextrain.cli import main as alextrain

SMALL = ("--size", 72, "--jobs", 1)
TINY_NET = ("--recipe", "quick", "--width", 0.05, "--crop", 67, "--epochs", 1, "--device", "cpu")


def run(program, *arguments, status):
    """Run a command; assert its status, and that a failure is one line and no traceback."""
    result = CliRunner().invoke(program, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    if status == 1:
        assert result.output.splitlines()[-1].startswith("Error: ")
    return result.output


def shard(raw, shards, *options, status=0):
    return run(alexprep, "shard", raw, shards, *SMALL, *options, status=status)


def fit(shards, folder, *options, status=0):
    return run(alextrain, "fit", shards, *TINY_NET, "--run", folder, *options, status=status)


def outcomes(shards):
    with (shards / "report.csv").open(newline="") as file:
        return {row["file"].rsplit("/", 1)[1]: row for row in csv.DictReader(file)}
