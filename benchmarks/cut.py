"""Re-encode a tar of images until it is small enough to travel to a machine with a GPU.

    python -m benchmarks.cut imagenette-160.tar cut.tar [--side 128] [--megabytes 45]

Names and order stay; images become smaller, and the quality of JPEG falls in steps until all fits.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps

QUALITIES = range(80, 15, -10)


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of the files in a tar."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if (file := tar.extractfile(member)) is not None:
                yield member.name, file.read()


def encoded(data: bytes, side: int, quality: int) -> bytes:
    """Return an image as a smaller JPEG of another quality, colours at half the resolution."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        small = ImageOps.cover(image.convert("RGB"), (side, side))
        small.save(out, "JPEG", quality=quality, subsampling="4:2:0")
    return out.getvalue()


def write(archive: Path, small: Path, side: int, quality: int) -> int:
    """Write the tar anew in a quality; return its bytes."""
    with tarfile.open(small, "w") as tar:
        for name, data in members(archive):
            content = encoded(data, side, quality)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return small.stat().st_size


def main() -> None:
    """Try one quality after another."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("small", type=Path)
    parser.add_argument("--side", type=int, default=128, help="the shorter one, pixels")
    parser.add_argument("--megabytes", type=float, default=45)
    given = parser.parse_args()
    for quality in QUALITIES:
        size = write(given.archive, given.small, given.side, quality)
        print(f"quality {quality}: {size / 1e6:.1f} MB", flush=True)
        if size <= 1e6 * given.megabytes:
            return
    sys.exit(f"{given.archive}: does not fit into {given.megabytes:g} MB at any quality")


if __name__ == "__main__":
    main()
