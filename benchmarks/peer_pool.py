"""What people write for this job: a pool of processes, PIL, torchvision's Resize and CenterCrop.

    python benchmarks/peer_pool.py RAW OUT PROCESSES

Reads RAW/train/<class>/*, writes OUT/<class>/*.jpg of quality 95 and prints the seconds that it
took, imports left out. It uses the PIL that PYTHONPATH names: stock Pillow, for the comparison.
"""

import multiprocessing
import sys
import time
from pathlib import Path

from PIL import Image
from torchvision import transforms

TRANSFORM = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(256)])
CHUNK = 32  # files handed to a process at a time


def convert(paths: tuple[str, str]) -> int:
    """Make one file."""
    source, target = paths
    with Image.open(source) as image:
        TRANSFORM(image.convert("RGB")).save(target, "JPEG", quality=95)
    return 1


def main() -> None:
    """Convert everything and print the seconds."""
    raw, out, processes = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    begin = time.perf_counter()
    jobs = []
    for folder in sorted((raw / "train").iterdir()):
        (out / folder.name).mkdir(parents=True)
        jobs += [
            (str(path), str(out / folder.name / f"{path.stem}.jpg")) for path in folder.iterdir()
        ]
    with multiprocessing.Pool(processes) as pool:
        done = sum(pool.imap_unordered(convert, jobs, chunksize=CHUNK))
    assert done == len(jobs)
    print(time.perf_counter() - begin)


if __name__ == "__main__":
    main()
