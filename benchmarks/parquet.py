"""How often the bytes of Parquet files are read: laid out first, and image by image in place.

    python -m benchmarks.parquet HUB [--in-place 300]

HUB is a folder of Parquet files with images. Bytes read are those that this process asked the
system for (rchar in /proc/self/io), whether or not they came from the disk.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from alexprep.planning.plan import make_plan
from alexprep.raw.detect import open_raw
from alexprep.raw.source import read_source
from alexprep.raw.spool import lay_out
from alexprep.settings import PrepSettings


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hub", type=Path)
    parser.add_argument("--in-place", type=int, default=300, help="images read in place")
    options = parser.parse_args()
    plan = make_plan(open_raw(options.hub), PrepSettings())
    sources = [sample.source for task in plan.tasks for sample in task.samples]
    files = sum(path.stat().st_size for path in options.hub.rglob("*.parquet"))
    print(f"{len(sources):,} images, {files:,} bytes of Parquet files")
    with tempfile.TemporaryDirectory(dir=options.hub.parent) as folder:
        placed, seconds, read = measured(lambda: lay_out(sources, Path(folder), 1))
        print(f"lay out: {seconds:.2f} s, {read / files:.2f} times the files")
        own = [placed(source) for source in sources]
        total, seconds, read = measured(lambda: sum(len(read_source(source)) for source in own))
        print(f"from the spool: {seconds:.2f} s, {read / total:.2f} times the images")
    some = sources[: options.in_place]
    total, seconds, read = measured(lambda: sum(len(read_source(source)) for source in some))
    print(f"in place, {len(some)}: {seconds:.2f} s, {read / total:.1f} times the images")


def measured(work: Callable[[], object]) -> tuple:
    """Return what the work gives, its seconds, and the bytes that it read."""
    before, begun = read_bytes(), time.perf_counter()
    result = work()
    return result, time.perf_counter() - begun, read_bytes() - before


def read_bytes() -> int:
    """Return how many bytes this process has read so far."""
    return int(Path("/proc/self/io").read_text("ascii").split()[1])


if __name__ == "__main__":
    main()
