"""Preparation: the whole `shard` command against what people write, and against the codec alone.

    python -m benchmarks.prep [--small 8000] [--large 24000] [--rounds 3]

Real originals, replicated; every figure a ratio of rates measured in turn in this run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from alexprep.measuring.measure import measure
from benchmarks.codec import decoding, preparing
from benchmarks.memory import lay_out
from benchmarks.originals import ORIGINALS, ROOT, originals, replicate
from benchmarks.stock import stock_pillow, with_path
from benchmarks.timing import (
    Comparison,
    Measurement,
    Row,
    cores,
    in_turn,
    machine,
    program,
    report,
    row,
    run_command,
    seconds,
)

MB = 1e6


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure preparation.")
    add = parser.add_argument
    add("--originals", type=Path, default=ORIGINALS, help="tar of train/<class>/<image>")
    add("--small", type=int, default=8000, help="images of the smaller set")
    add("--large", type=int, default=24000, help="images of the larger set")
    add("--rounds", type=int, default=3, help="pairs that each figure is the median of")
    add("--jobs", type=int, default=cores(), help="processes, ours and theirs")
    add("--huge", type=int, default=18, help="images of 32 million pixels for the memory")
    add("--work", type=Path, help="folder for the data; default: a temporary one")
    add("--results", type=Path, help="file that the rows are appended to, as JSON lines")
    return parser.parse_args(given)


def shard_time(raw: Path, out: Path, jobs: int) -> float:
    """Return the wall seconds of the whole `alexprep shard` command, into a new folder."""
    shutil.rmtree(out, ignore_errors=True)
    return run_command(program("alexprep", "shard", raw, out, "--jobs", jobs)).wall


def pool_time(raw: Path, out: Path, jobs: int, pillow: Path) -> float:
    """Return the seconds of the pool that people write, its imports left out."""
    shutil.rmtree(out, ignore_errors=True)
    script = str(ROOT / "benchmarks" / "peer_pool.py")
    command = [sys.executable, script, str(raw), str(out), str(jobs)]
    return float(run_command(command, with_path(pillow)).output)


def measure_shard(options: argparse.Namespace, work: Path, images: dict[str, bytes]) -> list[Row]:
    """Measure `shard`: whole, by the added image, and what it costs beside the images."""
    small, large, jobs = options.small, options.large, options.jobs
    few, many = replicate(images, work, small), replicate(images, work, large)
    pillow = stock_pillow(work)
    with preparing(list(images.values()), jobs, small) as in_memory:
        measures: list[Measurement] = [
            lambda: shard_time(few, work / "few", jobs),
            lambda: shard_time(many, work / "shards", jobs),
            in_memory,
        ]
        if pillow is not None:
            measures.append(lambda: pool_time(many, work / "pool", jobs, pillow))
        times_few, times_many, codec, *pool = in_turn(measures, options.rounds)
    whole = [large / time for time in times_many]
    added = [(large - small) / (b - a) for a, b in zip(times_few, times_many, strict=True)]
    fixed = [a - small / rate for a, rate in zip(times_few, added, strict=True)]
    rows = [
        row(
            f"shard, from {small:,} to {large:,} images / codec in memory",
            "images/s",
            Comparison.of(added, codec),
            at_least=0.9,
        ),
        Row("shard, beside the images", "s", median(fixed)),
    ]
    if pool:
        theirs = [large / time for time in pool[0]]
        figure = f"shard, {large:,} images / PIL + torchvision, {jobs} processes"
        compared = Comparison.of(whole, theirs)
        rows.insert(0, row(figure, "images/s", compared, at_least=1.8))
    return rows


def measure_stats(options: argparse.Namespace, shards: Path) -> list[Row]:
    """Measure `stats`: its pass over the images, and what the command costs beside them."""
    count, jobs = options.large, options.jobs
    decode = decoding(shards, jobs, count)
    decode()

    def one_pass() -> float:
        return float(count / seconds(lambda: measure(shards, jobs=jobs)))

    def command() -> float:
        return run_command(program("alexprep", "stats", shards, "--jobs", jobs)).wall

    ours, whole, alone = in_turn([one_pass, command, decode], options.rounds)
    beside = [time - count / rate for time, rate in zip(whole, ours, strict=True)]
    compared = Comparison.of(ours, alone)
    return [
        row("stats, its pass / decoding alone", "images/s", compared, at_least=0.65),
        Row("stats, beside the images", "s", median(beside)),
    ]


def measure_memory(options: argparse.Namespace, work: Path, images: dict[str, bytes]) -> list[Row]:
    """Measure what a worker uses beyond its imports on very large images."""
    raw, out = work / "huge", work / "huge-shards"
    shutil.rmtree(raw, ignore_errors=True)
    shutil.rmtree(out, ignore_errors=True)
    lay_out(list(images.values()), raw, options.huge)
    command = [sys.executable, "-m", "benchmarks.memory", str(raw), str(out)]
    peak = json.loads(run_command(command).output)
    figure = "memory of a worker, 32-million-pixel progressive JPEGs"
    grown = f"memory, {options.huge} of them / a third of them"
    ratio = peak["late"] / peak["early"]
    return [
        Row(figure, "MB", peak["late"] / MB, at_most=200),
        Row(grown, "MB", peak["late"] / MB, peak["early"] / MB, ratio, at_most=1.05),
    ]


def measure_help(rounds: int) -> list[Row]:
    """Measure the CPU seconds that --help takes."""
    rows = []
    for name in ("alexprep", "alextrain"):
        command = program(name, "--help")
        run_command(command)
        cpu = median(run_command(command).cpu for _ in range(2 * rounds + 1))
        rows.append(Row(f"{name} --help, CPU", "s", cpu, at_most=0.3))
    return rows


def main(given: Sequence[str] | None = None) -> None:
    """Measure and print everything."""
    options = arguments(given)
    images = originals(options.originals)
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="alexkit-bench-") as temporary:
        work = (options.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        for rows in (
            measure_help(options.rounds),
            measure_shard(options, work, images),
            measure_stats(options, work / "shards"),
            measure_memory(options, work, images),
        ):
            report(rows, options.results)


if __name__ == "__main__":
    main()
