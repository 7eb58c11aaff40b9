"""The most memory that a preparation worker uses beyond its imports, on very large images.

    python -m benchmarks.memory RAW OUT

Prepares RAW in this process, as one worker does, and prints as JSON the bytes of its peak beyond
what it had after its imports: after a third of the shards, and after all of them. Large images
cost the same as many: the peak must not grow with the number of samples.
"""

from __future__ import annotations

import io
import json
import os
import sys
from itertools import count
from pathlib import Path

from PIL import Image, ImageOps

from alexprep.planning.plan import make_plan
from alexprep.raw.detect import open_raw
from alexprep.settings import PrepSettings
from alexprep.shards.manifest import WORK
from alexprep.workers import heartbeat
from alexprep.workers.worker import Job, make_shard

WIDTH, HEIGHT = 6928, 4619  # 32 million pixels
TILE = 375  # pixels, near the size of most originals
DIFFERENT = 3  # large images that are made


def large_jpeg(images: list[bytes], first: int) -> bytes:
    """Return 32 million pixels, tiled with images from `first` on, as a progressive JPEG.

    Progressive is the worst case: the coefficients of the whole picture are kept beside it. Tiles
    in their own size give the detail, and so the 10 MB, of a camera's picture.
    """
    page = Image.new("RGB", (WIDTH, HEIGHT))
    numbers = count(first)
    for top in range(0, HEIGHT, TILE):
        for left in range(0, WIDTH, TILE):
            with Image.open(io.BytesIO(images[next(numbers) % len(images)])) as image:
                page.paste(ImageOps.fit(image.convert("RGB"), (TILE, TILE)), (left, top))
    file = io.BytesIO()
    page.save(file, "JPEG", quality=90, progressive=True)
    return file.getvalue()


def lay_out(images: list[bytes], raw: Path, number: int) -> None:
    """Lay `number` large images out as a raw set; a few are made, the rest are links to them."""
    folder = raw / "train" / "large"
    folder.mkdir(parents=True)
    for i in range(number):
        path = folder / f"{i:04d}.jpg"
        if i < DIFFERENT:
            path.write_bytes(large_jpeg(images, i))
        else:
            os.link(folder / f"{i % DIFFERENT:04d}.jpg", path)


def peaks(raw: Path, out: Path) -> tuple[int, int]:
    """Prepare all shards in this process, as a worker does; return both peaks in bytes."""
    plan = make_plan(open_raw(raw), PrepSettings(shard_size=2))
    job = Job(plan.settings, out, out / WORK / "run", fail=True)
    job.run.mkdir(parents=True)
    heartbeat.create(job.run / heartbeat.NAME, len(plan.tasks))
    start = _status("VmRSS")
    found = []
    for slot, task in enumerate(plan.tasks):
        make_shard(job, task, slot, {})
        found.append(_status("VmHWM") - start)
    return found[len(found) // 3], found[-1]


def _status(name: str) -> int:
    """Return a figure of /proc/self/status, bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


def main() -> None:
    """Print the peaks."""
    early, late = peaks(Path(sys.argv[1]), Path(sys.argv[2]))
    print(json.dumps({"early": early, "late": late}))


if __name__ == "__main__":
    main()
