"""`alexprep stats` and `alexprep verify`: what shards hold, and whether they still hold it."""

from __future__ import annotations

from pathlib import Path

import click

from alexprep.cli.options import fit_options, jobs_option, shards_argument


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
    which training subtracts and draws colour noise from, figures/mean.png and
    figures/eigenbasis.png, and prints a table beside the numbers of the paper's authors and of
    fb.resnet. Every shard is checked against its SHA-256 on the way.

    \b
    Example:
      alexprep stats /shards
    """
    from alexprep.cli.progress import Progress
    from alexprep.figures import draw_eigenbasis, draw_mean_image
    from alexprep.measure import measure
    from alexprep.shards.manifest import Manifest
    from alexprep.shards.statistics import STATISTICS
    from alexprep.tables import statistics_table

    manifest = Manifest.load(shards)
    with Progress(sum(map(manifest.samples, set(splits))), "images") as progress:
        statistics = measure(shards, splits, jobs, progress.update)
    statistics.save(shards / STATISTICS)
    click.echo(statistics_table(statistics))
    click.echo(f"Written: {shards / STATISTICS}")
    for draw, name in ((draw_mean_image, "mean.png"), (draw_eigenbasis, "eigenbasis.png")):
        path = shards / "figures" / name
        draw(statistics, path)
        click.echo(f"Picture: {path}")
    click.echo(f"Next: alextrain fit {shards}{fit_options(len(statistics.pixel_sum))}")


@click.command(short_help="Check every byte of SHARDS.")
@shards_argument
@jobs_option
def verify(shards: Path, jobs: int | None) -> None:
    """Check every byte of SHARDS against the manifest: hashes, counts, keys, labels, index.

    Prints what is wrong, a line for each file, and exits with status 1 if anything is.

    \b
    Example:
      alexprep verify /shards
    """
    from alexprep.cli.progress import Progress
    from alexprep.errors import ShardError
    from alexprep.shards.manifest import Manifest
    from alexprep.verify import verify as verify_shards

    manifest = Manifest.load(shards)
    total = sum(shard.bytes for shard in manifest.shards)
    with Progress(total, "bytes", scale=True) as progress:
        findings = verify_shards(shards, jobs, progress.update)
    for finding in findings:
        click.echo(f"{finding.file}: {finding.what}")
    if findings:
        files = len({finding.file for finding in findings})
        raise ShardError(
            f"{shards}: {files} {'file is' if files == 1 else 'files are'} not as written; run the "
            "same `alexprep shard` command again with --recheck to make the shards anew"
        )
    samples = sum(map(manifest.samples, manifest.splits))
    click.echo(
        f"{shards}: {len(manifest.shards):,} shards with {samples:,} samples are as written; "
        f"fingerprint {manifest.fingerprint}"
    )
