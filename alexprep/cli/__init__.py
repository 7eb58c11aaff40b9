"""The command line of alexprep: parse, call, print.

What a command needs is imported inside it, so that `--help` imports no numpy.
"""

from __future__ import annotations

import click

from alexprep import __version__
from alexprep.cli.diff import diff
from alexprep.cli.download import download
from alexprep.cli.group import Cli
from alexprep.cli.index import index
from alexprep.cli.inspect import inspect
from alexprep.cli.look import doctor, figures, info, preview
from alexprep.cli.measure import stats, verify
from alexprep.cli.merge import merge
from alexprep.cli.prepare import shard
from alexprep.cli.synth import synth
from alexprep.cli.take import extract, import_


@click.group(cls=Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="alexprep")
def main() -> None:
    """Turn ImageNet, or any set of classified images, into shards of 256x256, and measure them.

    Exit status: 0 done; 1 an error, named in one line; 2 wrong usage; 3 done, but bad files were
    skipped, or something is missing in a raw set; 130 stopped by Ctrl-C.

    \b
    Example, from the archives to a network:
      alexprep shard /raw /shards
      alexprep stats /shards
      alextrain fit /shards
    """


for command in (
    inspect,
    shard,
    merge,
    stats,
    verify,
    diff,
    info,
    preview,
    figures,
    extract,
    import_,
    index,
    synth,
    download,
    doctor,
):
    main.add_command(command)
