"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from alexprep.cli.places import SHARDS

if TYPE_CHECKING:
    from alexprep.shards.manifest import Manifest

Command = TypeVar("Command", bound=Callable[..., Any])

# Whether it exists is said by the library, in a sentence that names the remedy.
PATH = click.Path(path_type=Path)


def shards_argument(command: Command) -> Command:
    """Add the argument SHARDS."""
    return click.argument("shards", type=SHARDS)(command)


def raw_options(command: Command) -> Command:
    """Add --layout and --root: how RAW is to be read."""
    layout = click.option(
        "--layout",
        metavar="NAME",
        help="How RAW is laid out, see docs/raw.md. [default: found out]",
    )
    root = click.option(
        "--root", type=PATH, help="Where the paths in a list begin. [default: the list's folder]"
    )
    return layout(root(command))


def jobs_option(command: Command) -> Command:
    """Add --jobs."""
    return click.option(
        "--jobs",
        "-j",
        type=click.IntRange(1, 1024),
        help="How many work at once; the result is the same. [default: one for each core]",
    )(command)


def say_mixing(shards: Path, manifest: Manifest) -> None:
    """Say whether the classes of each split are spread over its shards as by chance."""
    from alexprep.shards.mixing import mixing
    from alexprep.shards.reader import ShardReader

    for split in manifest.splits:
        with closing(ShardReader(shards, split)) as reader:
            sentence = mixing(reader.labels, reader.shard_sizes).sentence()
            click.echo(f"mixing       {split}: {sentence}")


def stats_split_option(command: Command) -> Command:
    """Add --stats-split."""
    return click.option(
        "--stats-split",
        "stats_splits",
        type=click.Choice(["train", "val", "test"]),
        multiple=True,
        default=("train",),
        show_default=True,
        help="What --stats measures; may be given more than once.",
    )(command)


def say_fit(shards: Path, size: int) -> None:
    """Say how to train on shards of images of `size` x `size` pixels."""
    click.echo(f"Next: alextrain fit {shards}{fit_options(size)}")
    click.echo("      and --width 0.25, a tenth of the work, on a machine without a GPU")


def fit_options(size: int) -> str:
    """Return what `alextrain fit` needs for images smaller than the paper's crop of 227."""
    if size >= 227:
        return ""
    # About the share that 227 is of 256. Conv1 (11x11, stride 4) uses all of 3 + 4n rows; 67 is
    # what the paper's net needs.
    near = 3 + 4 * round((size * 227 / 256 - 3) / 4)
    return f" --recipe quick --crop {min(size, max(67, near))}"
