"""The shards as NVIDIA DALI and wids read them, with the real packages.

    alexprep index SHARDS --dali --wids
    python -m benchmarks.readers SHARDS --python PYTHON

PYTHON has the packages: `pip install nvidia-dali-cuda130` (works on the CPU, no GPU is needed) or
`pip install wids torch`. Each sample's bytes and label are compared with what our reader gives.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def by_dali(shards: Path, split: str) -> Iterator[tuple[str, str]]:
    """Yield label and SHA-256 of the encoded image of each sample."""
    from nvidia.dali import fn, pipeline_def  # noqa: PLC0415  # in PYTHON alone

    tars = sorted(map(str, shards.glob(f"{split}-*.tar")))

    @pipeline_def(batch_size=1, num_threads=1, device_id=None)
    def pipeline() -> Any:
        image, label = fn.readers.webdataset(
            paths=tars,
            index_paths=[f"{tar.removesuffix('.tar')}.idx" for tar in tars],
            ext=["jpg", "cls"],
            missing_component_behavior="error",
            name="reader",
        )
        return image, label

    built = pipeline()
    built.build()
    for _ in range(built.epoch_size("reader")):
        image, label = built.run()
        yield bytes(label.at(0)).decode(), hashlib.sha256(bytes(image.at(0))).hexdigest()


def by_wids(shards: Path, split: str) -> Iterator[tuple[str, str]]:
    """Yield label and SHA-256 of the encoded image of each sample."""
    import wids  # noqa: PLC0415  # in PYTHON alone

    description = str(shards / f"index-{split}.json")
    with tempfile.TemporaryDirectory() as cache:
        data = wids.ShardListDataset(description, cache_dir=cache, transformations=[])
        for number in range(len(data)):
            sample = data[number]
            image, label = sample[".jpg"].read(), sample[".cls"].read()
            yield label.decode(), hashlib.sha256(image).hexdigest()


READERS = {"dali": by_dali, "wids": by_wids}


def ours(shards: Path, split: str) -> Iterator[tuple[str, str]]:
    """Yield the same by our own reader."""
    from alexprep.shards.reader import ShardReader  # noqa: PLC0415  # not in PYTHON

    reader = ShardReader(shards, split)
    for number, label in enumerate(reader.labels.tolist()):
        yield str(label), hashlib.sha256(reader.read(number)).hexdigest()
    reader.close()


def main() -> None:
    """Compare, or (in the other Python) read."""
    parser = argparse.ArgumentParser(description="Read shards with DALI and wids.")
    parser.add_argument("shards", type=Path)
    parser.add_argument("--python", default=sys.executable, help="that has DALI and wids")
    parser.add_argument("--split", default="train")
    parser.add_argument("--read", choices=READERS, help="read by this one and print JSON")
    options = parser.parse_args()
    if options.read:
        json.dump(list(READERS[options.read](options.shards, options.split)), sys.stderr)
        return
    wanted = [list(sample) for sample in ours(options.shards, options.split)]
    for name in READERS:
        command = [options.python, __file__, str(options.shards), "--read", name]
        command += ["--split", options.split]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        if done.returncode:
            print(f"{name}: could not be run ({last})")
            continue
        same = json.loads(last) == wanted
        print(f"{name}: {len(wanted):,} samples, {'the same' if same else 'NOT THE SAME'} as ours")


if __name__ == "__main__":
    main()
