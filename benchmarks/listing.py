"""How long listing and planning take, and how much memory, for up to all 14.2 million images.

    python -m benchmarks.listing [--folder /tmp] [--images 100000 1281167 14197122]

The raw set is a tar of class tars as ILSVRC2012_img_train.tar is, made of headers alone: 512 bytes
an image, in 1,000 classes, or 21,841 for more images than ILSVRC2012 has. Each size is measured in
a process of its own; memory is the peak of what it holds (ru_maxrss). Sizes above --listed (default
1,281,167) are not written to the disk: their sources are made up and only planned.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from alexprep.planning.plan import make_plan
from alexprep.raw.containers import Archive
from alexprep.raw.detect import open_raw
from alexprep.raw.source import RawSet, Source, sort_sources
from alexprep.records.record import structure
from alexprep.settings import PrepSettings
from alexprep.shards.tar import header

BLOCK = 512
ILSVRC2012 = 1_281_167
FULL = 14_197_122


def classes_of(images: int) -> int:
    """Return how many classes a set of so many images has."""
    return 1_000 if images <= ILSVRC2012 else 21_841


def names(images: int) -> Iterator[tuple[str, list[str]]]:
    """Yield each class and the names of its images, numbered with gaps as ImageNet's are."""
    classes = classes_of(images)
    for label in range(classes):
        wnid = f"n{1_440_764 + 977 * label:08d}"
        count = images // classes + (label < images % classes)
        yield wnid, [f"{wnid}_{17 * i + label % 13}.JPEG" for i in range(count)]


def write_archive(path: Path, images: int) -> None:
    """Write a tar of tars whose images have 0 bytes."""
    end = bytes(2 * BLOCK)
    with path.open("wb") as file:
        for wnid, members in names(images):
            inner = b"".join(header(name, 0) for name in members) + end
            file.write(header(f"{wnid}.tar", len(inner)))
            file.write(inner)
        file.write(end)


def made_up(images: int) -> RawSet:
    """Return the sources that listing such an archive would give."""
    container = Archive("/raw/ILSVRC2012_img_train.tar")
    sources = (
        Source(wnid, f"train/{wnid}/{name}", 110_000, container, 110_000 * number)
        for wnid, members in names(images)
        for number, name in enumerate(members)
    )
    return RawSet("ilsvrc2012", Path("/raw"), {"train": sort_sources(sources)})


def measure(images: int, folder: Path | None) -> dict[str, float]:
    """List (where there is an archive) and plan in this process."""
    found = {"base_mb": peak()}
    began = time.perf_counter()
    raw = made_up(images) if folder is None else open_raw(folder)
    found |= {"list_seconds": time.perf_counter() - began, "list_mb": peak()}
    began = time.perf_counter()
    plan = make_plan(raw, PrepSettings())
    found |= {"plan_seconds": time.perf_counter() - began, "plan_mb": peak()}
    began = time.perf_counter()
    structure(plan.tasks)
    found |= {"digest_seconds": time.perf_counter() - began, "digest_mb": peak()}
    assert plan.samples() == images
    return found


def peak() -> float:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_a_process(images: int, folder: Path | None) -> dict[str, float]:
    """Measure one size in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.listing", "--images", str(images)]
    command += ["--measure", str(folder or "")]
    found = subprocess.run(command, check=True, capture_output=True).stdout
    measured: dict[str, float] = json.loads(found)
    return measured


def main() -> None:
    """Measure each size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--images", type=int, nargs="+", default=[100_000, ILSVRC2012, FULL])
    parser.add_argument("--listed", type=int, default=ILSVRC2012, help="largest size on the disk")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        folder = Path(options.measure) if options.measure else None
        print(json.dumps(measure(options.images[0], folder)))
        return
    print("images      classes  listing            planning           bytes an image, peak")
    for images in options.images:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = Path(name) if images <= options.listed else None
            if folder is not None:
                write_archive(folder / "ILSVRC2012_img_train.tar", images)
            m = in_a_process(images, folder)
        listing = f"{m['list_seconds']:6.1f} s {m['list_mb']:6.0f} MB"
        planning = f"{m['plan_seconds']:6.1f} s {m['plan_mb']:6.0f} MB"
        growth = (m["plan_mb"] - m["base_mb"]) * 1024**2 / images
        note = "" if folder else "  (listing made up)"
        print(f"{images:<11,} {classes_of(images):<8,} {listing}  {planning}  {growth:8.0f}{note}")


if __name__ == "__main__":
    main()
