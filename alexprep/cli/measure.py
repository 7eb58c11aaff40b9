"""`alexprep stats` and `alexprep verify`: what shards hold, and whether they still hold it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from alexprep.cli.options import jobs_option, raw_options, say_fit, say_mixing, shards_argument
from alexprep.cli.places import RAW
from alexprep.cli.said import number

if TYPE_CHECKING:
    from alexprep.checking.verify_beside import Finding
    from alexprep.raw.source import RawSet
    from alexprep.shards.manifest import Manifest


@click.command(short_help="Mean image, mean colour and colour axes of SHARDS.")
@shards_argument
@click.option(
    "--split",
    "splits",
    multiple=True,
    default=("train",),
    show_default=True,
    help="The split to measure; may be given more than once.",
)
@jobs_option
def stats(shards: Path, splits: tuple[str, ...], jobs: int | None) -> None:
    """Measure the prepared images of SHARDS: mean image, mean colour and colour axes.

    Sums are exact integers, so the result is the same for any number of jobs. Writes stats.npz,
    which training subtracts and draws colour noise from, and into the folder figures the mean
    image, the axes of colour, the colour augmentation and histograms of levels. Prints a table
    beside the numbers of the paper's authors and of fb.resnet. Every shard is checked against its
    SHA-256 on the way.

    \b
    Example:
      alexprep stats /shards
    """
    from alexprep.cli.progress import Progress
    from alexprep.figures import draw_statistics
    from alexprep.measuring.measure import measure
    from alexprep.shards.manifest import Manifest
    from alexprep.shards.statistics import STATISTICS
    from alexprep.tables import statistics_table

    manifest = Manifest.load(shards)
    with Progress(sum(map(manifest.samples, set(splits))), "images") as progress:
        statistics = measure(shards, splits, jobs, progress.update)
    statistics.save(shards / STATISTICS)
    click.echo(statistics_table(statistics))
    click.echo(f"Written: {shards / STATISTICS}")
    for path in draw_statistics(shards, statistics):
        click.echo(f"Picture: {path}")
    if "train" in splits:
        say_fit(shards, len(statistics.pixel_sum))
    else:
        click.echo(f"Next: alexprep stats {shards}, before training: it takes the mean of train")


@click.command(short_help="Check every byte of SHARDS, and repair it.")
@shards_argument
@jobs_option
@click.option("--deep", is_flag=True, help="Decode every image too.")
@click.option(
    "--repair",
    "raw",
    metavar="RAW",
    type=RAW,
    help="Make what is damaged anew from these raw images; it comes out the same byte for byte, "
    "or nothing is replaced.",
)
@raw_options
def verify(
    shards: Path,
    jobs: int | None,
    raw: Path | str | None,
    layout: str | None,
    root: Path | None,
    *,
    deep: bool,
) -> None:
    """Check every byte of SHARDS: hashes, counts, keys, labels, index, report, statistics.

    Prints what is wrong, a line for each file, and exits with status 1 if anything is; the last
    line names the command that mends it. Says, as `info` does, whether classes are mixed over the
    shards. RAW of --repair is read by the layout that the set was made from, if --layout names
    no other; a list needs its --root again.

    \b
    Examples:
      alexprep verify /shards
      alexprep verify /shards --deep
      alexprep verify /shards --repair /raw
    """
    from alexprep.checking.verify import remedy
    from alexprep.errors import ShardError
    from alexprep.raw.detect import open_raw
    from alexprep.shards.manifest import FOREIGN, Manifest

    manifest = Manifest.load(shards)
    findings = _verify(shards, manifest, jobs, deep=deep)
    made = manifest.layout != FOREIGN
    if raw is not None and made and any(finding.cure == "repair" for finding in findings):
        _repair(shards, manifest, findings, open_raw(raw, layout or manifest.layout, root), jobs)
        findings = _verify(shards, manifest, jobs, deep=deep)
    if findings:
        files = len({finding.file for finding in findings})
        raise ShardError(
            f"{shards}: {files} {'file is' if files == 1 else 'files are'} not as written; "
            f"{remedy(shards, findings, made=made)}"
        )
    say_mixing(shards, manifest)
    samples = sum(map(manifest.samples, manifest.splits))
    click.echo(
        f"{shards}: {number(len(manifest.shards), 'shard')} with {number(samples, 'sample')} are "
        f"as written; fingerprint {manifest.fingerprint}"
    )


def _verify(shards: Path, manifest: Manifest, jobs: int | None, *, deep: bool) -> list[Finding]:
    from alexprep.checking.verify import verify as verify_shards
    from alexprep.cli.progress import Progress

    total = sum(shard.bytes for shard in manifest.shards)
    with Progress(total, "bytes", scale=True) as progress:
        findings = verify_shards(shards, jobs, progress.update, deep=deep)
    for finding in findings:
        click.echo(f"{finding.file}: {finding.what}")
    return findings


def _repair(
    shards: Path, manifest: Manifest, findings: list[Finding], raw: RawSet, jobs: int | None
) -> None:
    from alexprep.checking.repair import repair, to_make
    from alexprep.cli.progress import Progress
    from alexprep.planning.plan import make_plan

    plan = make_plan(raw, manifest.settings, manifest.splits, manifest.label_order)
    images = sum(len(plan.tasks[place].samples) for place in to_make(manifest, findings))
    with Progress(images, "images") as progress:
        written = repair(shards, findings, plan, jobs, progress.update)
    click.echo(f"Made anew from {raw.root}, the same bytes as before: {', '.join(written)}")
