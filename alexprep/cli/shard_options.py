"""The options of `alexprep shard`: of the pictures, of the set, of the run."""

from __future__ import annotations

import click

from alexprep.cli.options import Command, jobs_option, raw_options, stats_split_option
from alexprep.settings import FILTERS, FORMATS, GEOMETRIES, SUBSAMPLINGS

_PICTURE_OPTIONS = (
    click.option("--size", default=256, show_default=True, help="Side of the pictures, pixels."),
    click.option(
        "--geometry",
        type=click.Choice(GEOMETRIES),
        default="torchvision",
        show_default=True,
        help="Shorter side to --size and centre square, by the integer rules of torchvision or "
        "of the authors' cuda-convnet2; or warp: the whole picture squeezed into the square.",
    ),
    click.option(
        "--filter",
        type=click.Choice(FILTERS),
        default="bilinear",
        show_default=True,
        help="Of resizing; always antialiased.",
    ),
    click.option(
        "--format",
        type=click.Choice(FORMATS),
        default="jpg",
        show_default=True,
        help="Of the stored pictures; png keeps every level and takes four times the space.",
    ),
    click.option("--quality", default=95, show_default=True, help="Of JPEG, 1 to 100."),
    click.option(
        "--subsampling",
        type=click.Choice(SUBSAMPLINGS),
        default="4:2:0",
        show_default=True,
        help="Of colour in JPEG.",
    ),
    click.option(
        "--exif-transpose",
        is_flag=True,
        help="Turn pictures as their EXIF says. [default: as they are stored, like torchvision]",
    ),
    click.option(
        "--max-pixels",
        default=100_000_000,
        show_default=True,
        help="A raw picture with more is a bad file.",
    ),
)
_SET_OPTIONS = (
    click.option(
        "--split",
        "splits",
        type=click.Choice(["train", "val", "test"]),
        multiple=True,
        help="Prepare this split alone; may be given more than once. [default: all that RAW has]",
    ),
    click.option(
        "--label-order",
        type=click.Choice(["wnid", "devkit", "own"]),
        help="Number classes by name, as nearly everybody, by devkit number, as the authors, or "
        "by the numbers that RAW gives them. [default: own where RAW has such, else wnid]",
    ),
    click.option("--seed", default=0, show_default=True, help="Of the order of the samples."),
    click.option(
        "--shard-size",
        type=click.IntRange(1),
        help="Most samples in a shard. [default: 64 shards a split, 5,000 samples at most]",
    ),
)
_RUN_OPTIONS = (
    click.option(
        "--backend",
        default="loky",
        show_default=True,
        metavar="NAME",
        help="Who carries the work: loky (processes of this machine), threading, dask, or any "
        "other backend of joblib.",
    ),
    click.option(
        "--cluster",
        metavar="ADDRESS",
        help="Of the Dask scheduler, as it prints it: tcp://HOST:8786.",
    ),
    click.option(
        "--part",
        metavar="I/N",
        help="Make the I-th of N shares of the shards, beside other parts in the same folder; "
        "`alexprep merge` finishes the set. slurm: read I and N from SLURM's variables.",
    ),
    click.option(
        "--on-bad",
        type=click.Choice(["skip", "fail"]),
        default="skip",
        show_default=True,
        help="Bad files: skip them, name them in the report and end with status 3; or fail at "
        "the first.",
    ),
    click.option(
        "--max-bad",
        type=click.IntRange(0),
        help="End with status 1 once more files than this are bad; finished shards are kept. "
        "[default: any number]",
    ),
    click.option(
        "--recheck",
        is_flag=True,
        help="Compare hashes of raw images and shards with what was recorded, not sizes alone, "
        "and make anew what has changed.",
    ),
    click.option(
        "--stats",
        is_flag=True,
        help="Make the statistics too, of each image as it was written while it is in "
        "memory: the same file as `alexprep stats` makes, without another pass.",
    ),
    stats_split_option,
    click.option(
        "--overwrite",
        is_flag=True,
        help="Remove the set that SHARDS holds, whatever it was made from, and nothing else "
        "there; then make this one.",
    ),
    click.option(
        "--dry-run", is_flag=True, help="Say what was found and what would be done, and stop."
    ),
    click.option(
        "--compare-quality",
        is_flag=True,
        help="Show bytes, loss and decoding rate of JPEG qualities 95, 90, 85 and 75 on images of "
        "the set; with --dry-run, to choose before the work.",
    ),
)


def shard_options(command: Command) -> Command:
    """Add all options of the command, in the order of its help."""
    groups = (*_PICTURE_OPTIONS, *_SET_OPTIONS, jobs_option, *_RUN_OPTIONS)
    for option in reversed(groups):
        command = option(command)
    return raw_options(command)
