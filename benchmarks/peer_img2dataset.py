"""img2dataset as it comes, on files in the place of downloads. Run by a Python that has it.

    PYTHON benchmarks/peer_img2dataset.py RAW OUT PROCESSES

Its Resizer makes 256x256 by centre crop, quality 95; 1,000 samples in each shard.
"""

import sys
from pathlib import Path

from img2dataset import download


def main() -> None:
    """Write the list of addresses and let img2dataset work it off."""
    raw, out, processes = Path(sys.argv[1]).resolve(), Path(sys.argv[2]), int(sys.argv[3])
    paths = sorted((raw / "train").glob("*/*"))
    listing = raw.parent / "img2dataset.txt"
    listing.write_text("".join(f"{path.as_uri()}\n" for path in paths))
    download(
        url_list=str(listing),
        input_format="txt",
        output_folder=str(out),
        output_format="webdataset",
        image_size=256,
        resize_mode="center_crop",
        encode_quality=95,
        processes_count=processes,
        thread_count=16,
        number_sample_per_shard=1000,
    )


if __name__ == "__main__":
    main()
