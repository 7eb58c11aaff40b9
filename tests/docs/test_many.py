"""docs/cluster.md, remote.md and readers.md: other machines, other servers, other programs."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from alexprep.shards.fetched import CACHE
from alexprep.shards.manifest import Manifest
from tests.alexprep.conftest import bucket  # noqa: F401
from tests.docs.blocks import code_blocks
from tests.docs.shell import free_port
from tests.servers import serving

TASKS = 2


def runnable(page):
    return [block for block in code_blocks(page) if not block.reason]


@pytest.fixture
def two_machines(shell, given):
    (shell.folder / "data").mkdir()
    (shell.folder / "data" / "raw").symlink_to(given / "my-images")
    return shell


def test_the_array_of_slurm_makes_the_set(two_machines):
    shards, merge = [b for b in runnable("docs/cluster.md") if b.language == "script"]
    two_machines.replaced = {"source /data/alexkit/.venv/bin/activate": ":"}
    for task in range(1, TASKS + 1):
        words = {"ID": task, "MIN": 1, "MAX": TASKS, "STEP": 1, "COUNT": TASKS}
        array = {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in words.items()}
        two_machines.bash(two_machines.local(shards.text), **array, SLURM_CPUS_PER_TASK="1")
    two_machines.bash(two_machines.local(merge.text))
    assert Manifest.load(two_machines.folder / "data" / "shards").samples("train") == 48


@pytest.mark.soak
def test_a_scheduler_and_workers_make_the_set(two_machines):
    pytest.importorskip("distributed")
    port = str(free_port())
    two_machines.replaced = {"8786": port, "HOST": "127.0.0.1", "--nworkers 16": "--nworkers 2"}
    started = []
    try:
        for block in runnable("docs/cluster.md"):
            for command in block.commands:
                if command.startswith("dask "):
                    words = [sys.executable, "-m", *two_machines.local(command).split()]
                    started.append(subprocess.Popen(words, env=two_machines.environment))
                elif block.language == "console":
                    two_machines.run(command)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()
    assert len(started) == 2
    assert (two_machines.folder / "data" / "shards" / "stats.npz").is_file()


@pytest.mark.soak
def test_raw_sets_and_shards_behind_urls(shell, given, bucket, tmp_path, monkeypatch):  # noqa: F811
    s3fs = pytest.importorskip("s3fs")
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    (tmp_path / "raw").symlink_to(given / "my-images")
    (tmp_path / "web").mkdir()
    with zipfile.ZipFile(tmp_path / "web" / "raw.zip", "w") as archive:
        for path in sorted((given / "my-images").rglob("*.JPEG")):
            archive.write(path, path.relative_to(given / "my-images"))
    images = str(given / "my-images")
    s3fs.S3FileSystem().put(images, f"{bucket}/docs/imagenet", recursive=True)
    with serving(tmp_path / "web") as server:
        shell.replaced = {"https://host": server.url, "s3://bucket": f"{bucket}/docs"}
        for block in runnable("docs/remote.md"):
            shell.run_block(block)
    made = [Manifest.load(tmp_path / name).shards for name in ("shards", "other-shards")]
    assert made[0] == made[1]


def long_if_python(block):
    return pytest.param(block, marks=[pytest.mark.soak] if block.language == "python" else [])


@pytest.mark.parametrize("block", [long_if_python(b) for b in runnable("docs/readers.md")], ids=str)
def test_other_readers_take_the_lines_of_the_page(block, shell, given):
    shutil.copytree(given / "shards", shell.folder / "shards")
    shell.replaced = {"000256": f"{len(list((given / 'shards').glob('train-*.tar'))) - 1:06d}"}
    if block.language == "python":
        text = shell.local(block.text) + "\nassert next(iter(data))"
        shell.python(text, HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
    else:
        shell.run_block(block)
