"""What a user of webdataset writes for this job: a pool, PIL and torchvision, ShardWriter.

    python benchmarks/peer_shardwriter.py RAW OUT PROCESSES

Reads RAW/train/<class>/*, writes OUT/train-000000.tar and so on, quality 95, 1,000 in each.
"""

import io
import multiprocessing
import sys
from pathlib import Path

import webdataset
from PIL import Image
from torchvision import transforms

TRANSFORM = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(256)])


def convert(job: tuple[str, str, int]) -> dict[str, object]:
    """Make one sample."""
    key, path, label = job
    file = io.BytesIO()
    with Image.open(path) as image:
        TRANSFORM(image.convert("RGB")).save(file, "JPEG", quality=95)
    return {"__key__": key, "jpg": file.getvalue(), "cls": label}


def main() -> None:
    """Write all shards."""
    raw, out, processes = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    jobs = [
        (f"{folder.name}/{path.stem}", str(path), label)
        for label, folder in enumerate(sorted((raw / "train").iterdir()))
        for path in sorted(folder.iterdir())
    ]
    pattern = str(out / "train-%06d.tar")
    with (
        webdataset.ShardWriter(pattern, maxcount=1000, verbose=0) as sink,
        multiprocessing.Pool(processes) as pool,
    ):
        for sample in pool.imap_unordered(convert, jobs, chunksize=32):
            sink.write(sample)


if __name__ == "__main__":
    main()
