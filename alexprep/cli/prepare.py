"""`alexprep shard`: raw images to shards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alexprep.cli.bars import Bars
from alexprep.cli.places import RAW
from alexprep.cli.said import (
    number,
    say_estimate,
    say_part,
    say_plan,
    say_qualities,
    say_summary,
)
from alexprep.cli.shard_options import shard_options

if TYPE_CHECKING:
    from alexprep.building.build import Summary
    from alexprep.building.parts import Part
    from alexprep.planning.plan import Plan


@click.command(short_help="Make SHARDS of the raw images in RAW.")
@click.argument("raw", type=RAW)
@click.argument("shards", type=RAW)
@shard_options
def shard(raw: Path | str, shards: Path | str, **options: Any) -> None:
    """Make SHARDS, a folder of 256x256 pictures in tar files, of the raw images in RAW.

    RAW is a folder with train/<class>/<image> and val/<class>/<image>, a .tar of these, a folder
    with the official ILSVRC archives as downloaded (they are read in place, never unpacked),
    Kaggle's ILSVRC folder, a list of paths and labels, a .zip, Parquet files, WebDataset tars, or
    a URL of some of these (https, s3, gs, hf). docs/raw.md has all layouts. SHARDS may be a URL
    of s3 or gs, see docs/remote.md.

    The bytes of SHARDS depend on the raw images, the options and the codec alone, not on --jobs
    or interruptions. An interrupted run is continued by the same command. Bad files are skipped
    and named in SHARDS/report.csv; the exit status is then 3.

    \b
    Examples:
      alexprep shard /raw /shards
      alexprep shard /raw /shards --dry-run
      alexprep shard imagenette.tar /shards --size 160
      alexprep shard https://host/raw.zip /shards
      alexprep shard /raw /shards --geometry cuda-convnet2 --label-order devkit
    """
    from alexprep.building.build import build
    from alexprep.building.overwrite import overwrite
    from alexprep.planning.plan import make_plan
    from alexprep.raw.apart import check_apart
    from alexprep.raw.detect import open_raw
    from alexprep.settings import PrepSettings
    from alexprep.threads import usable_cores
    from alexprep.workers.backends import Backend

    url, shards = _remote_target(shards)
    own = {name: options[name] for name in PrepSettings().to_dict()}
    settings = PrepSettings(**own)
    jobs = options["jobs"] or usable_cores()
    backend = Backend(options["backend"], options["cluster"])
    part = _part(options, url)
    found = open_raw(
        raw.absolute() if backend.elsewhere and isinstance(raw, Path) else raw,
        options["layout"],
        options["root"],
    )
    check_apart(found, shards)
    plan = make_plan(found, settings, options["splits"] or None, options["label_order"])
    say_plan(found, plan)
    samples = _samples(plan, part)
    if not _is_finished(shards):
        say_estimate(plan, samples, shards, min(jobs, max(2, len(plan.tasks))))
    if options["compare_quality"]:
        say_qualities(plan)
    if options["dry_run"]:
        click.echo("Nothing was written. Next: the same command without --dry-run")
        return
    if options["overwrite"] and (removed := overwrite(shards, plan)):
        click.echo(f"Removed: {number(removed, 'file')} of the set that {shards} held")
    with Bars(samples, recheck=options["recheck"]) as bars:
        summary = build(
            plan,
            shards,
            jobs,
            backend=backend,
            on_bad=options["on_bad"],
            max_bad=options["max_bad"],
            recheck=options["recheck"],
            measured=options["stats_splits"] if options["stats"] else (),
            part=part,
            listener=bars.listener(),
        )
    if part is None:
        say_summary(shards, plan, summary, stats=options["stats"])
    else:
        say_part(shards, part, summary)
    _end(summary, shards, url)


def _part(options: dict[str, Any], url: str | None) -> Part | None:
    """Return the part that is to be made, None for all."""
    from alexprep.building.parts import read_part
    from alexprep.errors import SettingsError

    if not options["part"]:
        return None
    if options["overwrite"]:
        raise SettingsError("a part removes nothing; run `alexprep shard --overwrite` first")
    if url is not None:
        raise SettingsError("parts are made in a folder that all machines share, not behind a URL")
    return read_part(options["part"])


def _end(summary: Summary, shards: Path, url: str | None) -> None:
    if url is not None:
        _upload(shards, url)
    if summary.exit_code:
        raise SystemExit(summary.exit_code)


def _remote_target(shards: Path | str) -> tuple[str | None, Path]:
    """Return the URL that the shards go to, if they do, and the folder in which they are made."""
    if isinstance(shards, Path):
        return None, shards
    from alexprep.shards.fetched import copy_folder
    from alexprep.shards.manifest import Manifest
    from alexprep.upload import check_free

    folder = copy_folder(shards)
    check_free(shards, Manifest.load(folder) if _is_finished(folder) else None)
    return shards, folder


def _upload(shards: Path, url: str) -> None:
    from alexprep.cli.progress import Progress
    from alexprep.remote.urls import shown_url
    from alexprep.shards.fetched import BESIDE
    from alexprep.upload import upload

    files = [*shards.glob("*.tar"), *shards.glob("index-*.npz")]
    files += [shards / name for name in BESIDE if (shards / name).is_file()]
    with Progress(sum(path.stat().st_size for path in files), "bytes", scale=True) as progress:
        sent = upload(shards, url, progress.update)
    click.echo(f"Uploaded: {number(sent, 'file')} to {shown_url(url)}; the copy here: {shards}")


def _is_finished(shards: Path) -> bool:
    from alexprep.shards.manifest import MANIFEST

    return (shards / MANIFEST).is_file()


def _samples(plan: Plan, part: Part | None) -> int:
    """Return how many samples are to be made: of the whole plan, or of the part."""
    tasks = enumerate(plan.tasks)
    return sum(len(task.samples) for slot, task in tasks if part is None or part.has(slot))
