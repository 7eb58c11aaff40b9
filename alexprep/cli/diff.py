"""`alexprep diff`: in what two sets of shards differ."""

from __future__ import annotations

from pathlib import Path

import click

from alexprep.cli.options import PATH, jobs_option


@click.command(short_help="In what two sets of shards differ.")
@click.argument("a", type=PATH)
@click.argument("b", type=PATH)
@click.option("--all", "everything", is_flag=True, help="Compare the pixels of all samples.")
@jobs_option
def diff(a: Path, b: Path, jobs: int | None, *, everything: bool) -> None:
    """Say in what the sets of shards A and B differ: settings, codec, classes, samples, pixels.

    A line for each difference; of pixels the number of samples and the largest difference in
    levels, of 500 samples of each split that both have. The exit status is 0 where the sets are
    the same and 1 where they differ.

    \b
    Examples:
      alexprep diff /shards /other-shards
      alexprep diff /shards /other-shards --all
    """
    from alexprep.checking.compare import SAMPLE, compare
    from alexprep.cli.progress import Progress
    from alexprep.shards.manifest import Manifest

    manifests = Manifest.load(a), Manifest.load(b)
    most = None if everything else SAMPLE
    total = sum(
        min(most or manifest.samples(split), manifest.samples(split))
        for manifest in manifests[:1]
        for split in manifest.splits
    )
    with Progress(total, "samples compared") as progress:
        lines = compare(a, b, most=most, jobs=jobs, on_progress=progress.update)
    for line in lines:
        click.echo(line)
    if lines:
        click.echo(f"A is {a}, B is {b}")
        raise SystemExit(1)
    same = manifests[0].fingerprint == manifests[1].fingerprint
    what = "the same set" if same else "the same samples, though the fingerprints differ"
    click.echo(f"{a} and {b}: {what}; fingerprint {manifests[0].fingerprint}")
