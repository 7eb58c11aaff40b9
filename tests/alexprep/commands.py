"""The command line as tests call it."""

import sys

from click.testing import CliRunner

from alexprep.cli import main

ALEXPREP = [sys.executable, "-m", "alexprep"]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])
