"""Small tars as others make them, and `fit` on them."""

import io
import tarfile

from click.testing import CliRunner

from alextrain.cli import main

from .small_shards import encode, picture

FIT = ["--recipe", "quick", "--width", "0.05", "--crop", "67", "--batch-size", "5", "--size", "72"]
HERE = ["--device", "cpu", "--workers", "1", "--classes", "3"]


def write_tar(path, numbers, side=72, extra=()):
    """Images with labels, and what else lies under the last key."""
    with tarfile.open(path, "w") as tar:
        for number in numbers:
            members = [("jpg", encode(picture(number, side))), ("cls", b"%d\n" % (number % 3))]
            for extension, data in (*members, *(extra if number == numbers[-1] else ())):
                info = tarfile.TarInfo(f"{number:04d}.{extension}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return path


def fit(*arguments):
    return CliRunner().invoke(main, ["fit", *map(str, arguments)])
