"""What `alexprep shard` says: before the work, and after it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alexprep.cli.options import say_fit

if TYPE_CHECKING:
    from alexprep.building.build import Summary
    from alexprep.building.parts import Part
    from alexprep.planning.estimate import Estimate
    from alexprep.planning.plan import Plan
    from alexprep.raw.source import RawSet

_SLOW_READING = 0.5  # share of the time from which on the disk is worth a word


def say_plan(raw: RawSet, plan: Plan) -> None:
    """Say what was found and what is planned of it."""
    click.echo(f"Found in {raw.root} ({raw.layout}):")
    for line in raw.found:
        click.echo(f"  {line}")
    shards = Counter(task.split for task in plan.tasks)
    click.echo("Plan:")
    for split, count in shards.items():
        click.echo(
            f"  {split}: {number(plan.samples(split), 'sample')} in {number(count, 'shard')}"
        )
    for warning in plan.warnings:
        click.echo(f"Note: {warning}")


def say_estimate(plan: Plan, samples: int, shards: Path, jobs: int) -> None:
    """Say how long it would take and how large it would be."""
    from alexprep.cli.progress import byte_size, duration
    from alexprep.files import free_bytes
    from alexprep.planning.estimate import measure_plan

    estimate = measure_plan(plan)
    if estimate is None:
        return  # nothing but bad files so far; the run itself will name them
    size, free = estimate.bytes(samples), free_bytes(shards)
    click.echo(
        f"Estimate: {byte_size(size)}, {duration(estimate.seconds(samples, jobs))} with "
        f"{number(jobs, 'job')} ({estimate.rate:,.0f} images/s a job, measured on "
        f"{number(estimate.images, 'image')} of the set)"
    )
    _warn(estimate, size, free, shards)
    if estimate.side < plan.settings.size:
        click.echo(
            f"Note: most images have fewer than {plan.settings.size} rows or columns (in the "
            f"middle {estimate.side}) and are enlarged; --size {estimate.side} would not, and "
            "makes smaller shards that train faster"
        )


def say_qualities(plan: Plan) -> None:
    """Show what other qualities of JPEG cost."""
    from alexprep.building.quality import compare_qualities
    from alexprep.cli.progress import Progress, byte_size
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
        f"{number(found[0].images, 'image')} of the set; PSNR to the square before encoding:"
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


def say_summary(shards: Path, plan: Plan, summary: Summary, *, stats: bool) -> None:
    """Say what a run did, and which command comes next."""
    from alexprep.building.anomalies import compare
    from alexprep.cli.progress import byte_size, duration
    from alexprep.records.report import CSV_NAME
    from alexprep.shards.statistics import STATISTICS

    what = f"{number(summary.images, 'image')} in {number(len(plan.tasks), 'shard')}"
    if summary.written:
        click.echo(
            f"Written: {number(summary.written, 'shard')} in {duration(summary.seconds)}, "
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
        say_fit(shards, plan.settings.size)
        return
    splits = {task.split for task in plan.tasks}
    click.echo(f"Next: alexprep {'stats' if 'train' in splits else 'verify'} {shards}")


def say_part(shards: Path, part: Part, summary: Summary) -> None:
    """Say what the run of one part did."""
    from alexprep.cli.progress import byte_size, duration

    what = f"{number(summary.images, 'image')} in {number(summary.written + summary.kept, 'shard')}"
    did = f"Written: {number(summary.written, 'shard')} in {duration(summary.seconds)}, "
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


def number(count: int, what: str) -> str:
    """Return a count with its noun: "1 shard", "2 shards"."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
