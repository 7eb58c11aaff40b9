"""`alexprep shard`: raw images to shards."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alexprep.cli.options import fit_options
from alexprep.cli.places import RAW
from alexprep.cli.shard_options import shard_options

if TYPE_CHECKING:
    from alexprep.build import Summary
    from alexprep.estimate import Estimate
    from alexprep.parts import Part
    from alexprep.plan import Plan
    from alexprep.raw.source import RawSet

_SLOW_READING = 0.5  # share of the time from which on the disk is worth a word


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
    from alexprep.backends import Backend
    from alexprep.build import build
    from alexprep.overwrite import overwrite
    from alexprep.plan import make_plan
    from alexprep.raw.detect import open_raw
    from alexprep.settings import PrepSettings
    from alexprep.threads import usable_cores

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
    plan = make_plan(found, settings, options["splits"] or None, options["label_order"])
    _say_plan(found, plan)
    samples = _samples(plan, part)
    if not _is_finished(shards):
        _say_estimate(plan, samples, shards, jobs)
    if options["compare_quality"]:
        _say_qualities(plan)
    if options["dry_run"]:
        click.echo("Nothing was written (--dry-run).")
        return
    if options["overwrite"] and (removed := overwrite(shards, plan)):
        click.echo(f"Removed: {_number(removed, 'file')} of the set that {shards} held")
    with _Bars(samples, recheck=options["recheck"]) as bars:
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
        _say_summary(shards, plan, summary, stats=options["stats"])
    else:
        _say_part(shards, part, summary)
    _end(summary, shards, url)


def _part(options: dict[str, Any], url: str | None) -> Part | None:
    """Return the part that is to be made, None for all."""
    from alexprep.errors import SettingsError
    from alexprep.parts import read_part

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
    from alexprep.remote import shown_url
    from alexprep.shards.fetched import BESIDE
    from alexprep.upload import upload

    files = [*shards.glob("*.tar"), *shards.glob("index-*.npz")]
    files += [shards / name for name in BESIDE if (shards / name).is_file()]
    with Progress(sum(path.stat().st_size for path in files), "bytes", scale=True) as progress:
        sent = upload(shards, url, progress.update)
    click.echo(f"Uploaded: {_number(sent, 'file')} to {shown_url(url)}; the copy here: {shards}")


class _Bars:
    """A bar for what is checked again, if anything is, then one for what is made."""

    def __init__(self, samples: int, *, recheck: bool) -> None:
        from alexprep.cli.progress import Progress

        self._samples = samples
        self._there = 0  # images in shards that are kept
        self._bar = Progress(samples, "images checked" if recheck else "images")

    def __enter__(self) -> _Bars:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.close()

    def listener(self) -> Any:
        from alexprep.build import Listener

        return Listener(
            kept=self._kept,
            checked=self._checked,
            done=self._done,
            to_lay=self._to_lay,
            laid=self._update,
            to_measure=self._to_measure,
            measured=self._update,
        )

    def _show(self, total: int, unit: str, done: int = 0) -> None:
        """Begin another bar, unless this one is there already."""
        from alexprep.cli.progress import Progress

        if self._bar.unit != unit or self._bar.total != total:
            self._bar.close()
            self._bar = Progress(total, unit, done=done)

    def _kept(self, images: int) -> None:
        from alexprep.cli.progress import Progress

        self._there = images
        self._bar.close()
        self._bar = Progress(self._samples, "images", done=images)

    def _checked(self, images: int) -> None:
        self._show(self._samples, "images checked")
        self._update(images)

    def _to_lay(self, images: int) -> None:
        self._show(images, "images laid out")

    def _done(self, images: int) -> None:
        self._show(self._samples, "images", self._there)
        self._update(images)

    def _to_measure(self, images: int) -> None:
        self._show(images, "images measured")

    def _update(self, images: int) -> None:
        self._bar.update(images)


def _is_finished(shards: Path) -> bool:
    from alexprep.shards.manifest import MANIFEST

    return (shards / MANIFEST).is_file()


def _say_plan(raw: RawSet, plan: Plan) -> None:
    click.echo(f"Found in {raw.root} ({raw.layout}):")
    for line in raw.found:
        click.echo(f"  {line}")
    shards = Counter(task.split for task in plan.tasks)
    click.echo("Plan:")
    for split, count in shards.items():
        click.echo(f"  {split}: {plan.samples(split):,} samples in {_number(count, 'shard')}")
    for warning in plan.warnings:
        click.echo(f"Note: {warning}")


def _samples(plan: Plan, part: Part | None) -> int:
    """Return how many samples are to be made: of the whole plan, or of the part."""
    tasks = enumerate(plan.tasks)
    return sum(len(task.samples) for slot, task in tasks if part is None or part.has(slot))


def _say_estimate(plan: Plan, samples: int, shards: Path, jobs: int) -> None:
    from alexprep.cli.progress import byte_size, duration
    from alexprep.estimate import measure_plan
    from alexprep.files import free_bytes

    estimate = measure_plan(plan)
    if estimate is None:
        return  # nothing but bad files so far; the run itself will name them
    size, free = estimate.bytes(samples), free_bytes(shards)
    click.echo(
        f"Estimate: {byte_size(size)}, {duration(estimate.seconds(samples, jobs))} with "
        f"{_number(jobs, 'job')} ({estimate.rate:,.0f} images/s a job, measured on "
        f"{_number(estimate.images, 'image')} of the set)"
    )
    _warn(estimate, size, free, shards)


def _say_qualities(plan: Plan) -> None:
    from alexprep.cli.progress import Progress, byte_size
    from alexprep.quality import compare_qualities
    from alexprep.tables import text_table

    samples = plan.samples()
    with Progress(min(samples, 256), "images compared") as progress:
        found = compare_qualities(plan, 256, progress.update)
    if not found:
        return  # nothing but bad files so far; the run itself will name them
    rows = [["quality", "bytes an image", "whole set", "PSNR", "decoded by one thread"]]
    rows += [
        [
            f"{entry.quality}",
            f"{entry.sample_bytes:,.0f}",
            byte_size(entry.sample_bytes * samples),
            f"{entry.psnr:.1f} dB",
            f"{entry.rate:,.0f} images/s",
        ]
        for entry in found
    ]
    click.echo(
        f"JPEG {plan.settings.subsampling}, {plan.settings.size}x{plan.settings.size}, on "
        f"{_number(found[0].images, 'image')} of the set; PSNR to the square before encoding:"
    )
    click.echo(text_table(rows))


def _warn(estimate: Estimate, size: float, free: int, shards: Path) -> None:
    from alexprep.cli.progress import byte_size

    if estimate.reading_share > _SLOW_READING:
        click.echo(
            f"Note: {estimate.reading_share:.0%} of the time goes to reading the raw images; "
            "a faster disk would help more than more --jobs"
        )
    if size > free:
        click.echo(f"Note: only {byte_size(free)} are free for {shards}")


def _say_summary(shards: Path, plan: Plan, summary: Summary, *, stats: bool) -> None:
    from alexprep.anomalies import compare
    from alexprep.cli.progress import byte_size, duration
    from alexprep.report import CSV_NAME
    from alexprep.shards.statistics import STATISTICS

    what = f"{_number(summary.images, 'image')} in {_number(len(plan.tasks), 'shard')}"
    if summary.written:
        click.echo(
            f"Written: {_number(summary.written, 'shard')} in {duration(summary.seconds)}, "
            f"{summary.kept:,} kept; {shards} holds {what}, {byte_size(summary.bytes)}"
        )
    else:
        click.echo(f"Nothing to do: {shards} holds {what}, {byte_size(summary.bytes)}")
    say_report(summary)
    for sentence in compare(plan, summary.report):
        click.echo(f"Note: {sentence}")
    if summary.report.outcomes:
        click.echo(f"Report: {shards / CSV_NAME}")
    if stats:
        click.echo(f"Statistics: {shards / STATISTICS}")
        click.echo(f"Next: alextrain fit {shards}{fit_options(plan.settings.size)}")
        return
    splits = {task.split for task in plan.tasks}
    click.echo(f"Next: alexprep {'stats' if 'train' in splits else 'verify'} {shards}")


def _say_part(shards: Path, part: Part, summary: Summary) -> None:
    from alexprep.cli.progress import byte_size, duration

    what = (
        f"{_number(summary.images, 'image')} in {_number(summary.written + summary.kept, 'shard')}"
    )
    did = f"Written: {_number(summary.written, 'shard')} in {duration(summary.seconds)}, "
    click.echo(
        f"{did if summary.written else 'Nothing to do: '}{summary.kept:,} kept; "
        f"part {part} has {what}, {byte_size(summary.bytes)}"
    )
    say_report(summary)
    click.echo(f"Next, once all {part.of} parts are made: alexprep merge {shards}")


def say_report(summary: Summary) -> None:
    """Say how many files were not taken as they are, and which."""
    click.echo(
        f"Skipped: {summary.skipped:,} bad, repaired: {summary.repaired:,}, "
        f"converted: {summary.converted:,}"
    )
    for done, why, count, which in summary.report.table():
        click.echo(f"  {done} {count:,}, {why}: {which}")


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
