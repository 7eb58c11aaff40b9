"""`alexprep extract` and `import`: shards back to files, and others' shards as they are."""

from __future__ import annotations

from pathlib import Path

import click

from alexprep.cli.options import PATH, jobs_option, say_fit, shards_argument


@click.command(short_help="Give the images of SHARDS back as files.")
@shards_argument
@click.argument("folder", type=PATH)
@jobs_option
def extract(shards: Path, folder: Path, jobs: int | None) -> None:
    """Write the images of SHARDS into FOLDER as split/class/name.jpg, byte for byte as stored.

    FOLDER must be new or empty. An interrupted run is continued by the same command. Names that
    would be no file name, or leave FOLDER, stay written as in the shard (%2F).

    \b
    Example:
      alexprep extract /shards /pictures
    """
    from alexprep.cli.progress import Progress
    from alexprep.exchange.extract import extract as extract_shards
    from alexprep.shards.manifest import Manifest

    manifest = Manifest.load(shards)
    with Progress(sum(map(manifest.samples, manifest.splits)), "images") as progress:
        count = extract_shards(shards, folder, jobs, progress.update)
    click.echo(
        f"{folder}: {count:,} images of {len(manifest.classes):,} classes in "
        f"{' and '.join(manifest.splits)}"
    )


@click.command("import", short_help="Take WebDataset tars that others made as they are.")
@shards_argument
@click.option(
    "--classes", "names", type=PATH, help="A text file with a name for each number, a line each."
)
@click.option("--stats", is_flag=True, help="Make the statistics of train too.")
@jobs_option
def import_(shards: Path, names: Path | None, stats: bool, jobs: int | None) -> None:
    """Write index, counts and manifest beside the WebDataset tars in SHARDS; no tar is changed.

    Then `stats`, `verify` and `alextrain fit` work on them as on shards of ours. All images must
    be squares of one side, JPEG or PNG, each with a label (.cls, .json or .txt) under its key;
    others go through `alexprep shard`. The split stands in the names of the tars (train-..., val-
    ...); without one it is train.

    \b
    Examples:
      alexprep import /tars
      alexprep import /tars --classes names.txt --stats
    """
    from alexprep.cli.progress import Progress
    from alexprep.cli.said import number
    from alexprep.exchange.foreign import adopt
    from alexprep.exchange.foreign_labels import read_names
    from alexprep.measuring.measure import measure
    from alexprep.shards.statistics import STATISTICS

    bars: list[Progress] = []

    def update(count: int) -> None:
        bars[0].update(count)

    manifest = adopt(
        shards,
        read_names(names) if names else (),
        jobs,
        lambda total: bars.append(Progress(total, "images")),
        update,
    )
    bars[0].close()
    counts = ", ".join(f"{manifest.samples(split):,} {split}" for split in manifest.splits)
    size = manifest.settings.size
    click.echo(
        f"{shards}: {counts} images, {size}x{size}, {len(manifest.classes):,} classes, in "
        f"{number(len(manifest.shards), 'tar')}; fingerprint {manifest.fingerprint}"
    )
    if not stats or "train" not in manifest.splits:
        click.echo(f"Next: alexprep {'stats' if 'train' in manifest.splits else 'verify'} {shards}")
        return
    with Progress(manifest.samples("train"), "images measured") as progress:
        measure(shards, jobs=jobs, on_progress=progress.update).save(shards / STATISTICS)
    click.echo(f"Statistics: {shards / STATISTICS}")
    say_fit(shards, size)
