"""What the pages take as given, made once: archives, images, shards, a trained network."""

import shutil
import sys
import tarfile

import pytest

from tests.conftest import jpeg_bytes, smooth_image
from tests.docs.blocks import ROOT
from tests.docs.shell import Shell

DRAWN = "--classes 6 --train 48 --val 18 --large 0 -j 1"


@pytest.fixture(scope="session")
def bin_folder(tmp_path_factory):
    """Both commands, as an installation puts them on the PATH."""
    folder = tmp_path_factory.mktemp("bin")
    for name in ("alexprep", "alextrain"):
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {name} "$@"\n')
        (folder / name).chmod(0o755)
    (folder / "python").symlink_to(sys.executable)
    return folder


@pytest.fixture(scope="session")
def given(tmp_path_factory, bin_folder):
    """A folder with all that a page may name."""
    folder = tmp_path_factory.mktemp("given")
    shell = Shell(folder, bin_folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shell.run(f"alexprep synth raw --layout ilsvrc2012 {DRAWN}")
        shell.run(f"alexprep synth my-images {DRAWN}")
        shell.run("alexprep shard my-images shards --size 160 --stats -j 1")
        shell.run("alextrain fit shards --recipe paper --run runs/paper")
    shutil.copytree(folder / "shards", folder / "other-shards")
    for name in ("first", "quick"):
        shutil.copytree(folder / "runs/paper", folder / "runs" / name)
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    shutil.copy(next((folder / "my-images/val").rglob("*.JPEG")), folder / "photo.jpg")
    return folder


@pytest.fixture(scope="session")
def imagenette(tmp_path_factory):
    """`imagenette-160.tar` as the tutorial has it: 6 generated classes, 12 and 4 images each."""
    folder = tmp_path_factory.mktemp("docs")
    for split, count in (("train", 12), ("val", 4)):
        for label in range(6):
            place = folder / "raw" / split / f"n0{1440764 + label}"
            place.mkdir(parents=True)
            for i in range(count):
                image = smooth_image(100 * label + i + 50 * (split == "val"), 200 + i, 170)
                (place / f"ILSVRC2012_{split}_{9111 + i:08d}.JPEG").write_bytes(jpeg_bytes(image))
    with tarfile.open(folder / "imagenette-160.tar", "w") as tar:
        tar.add(folder / "raw", arcname="")
    return folder / "imagenette-160.tar"


@pytest.fixture
def shell(tmp_path, bin_folder, monkeypatch):
    """An empty folder, and a terminal in it."""
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, bin_folder)
    yield shell
    shell.stop()
