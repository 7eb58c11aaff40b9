"""The commands of the tutorials run, in their order, on a small generated set."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.conftest import jpeg_bytes, smooth_image

ROOT = Path(__file__).parents[1]
MARK = "Not run here:"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page):
    """(commands, is it run?) of each console block; the paragraph before one may mark it."""
    text = (ROOT / "docs" / page).read_text()
    for found in BLOCK.finditer(text):
        before = text[: found.start()].rstrip().rpartition("\n\n")[2]
        commands = [line[2:] for line in found[1].splitlines() if line.startswith("$ ")]
        yield commands, not before.startswith(MARK)


def commands_to_run(page):
    return [command for commands, is_run in blocks(page) if is_run for command in commands]


@pytest.fixture(scope="module")
def raw_tar(tmp_path_factory):
    """The path of `imagenette-160.tar`: 6 generated classes, 12 train and 4 val images each."""
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
def imagenette(raw_tar, tmp_path):
    """An empty folder but for the generated archive."""
    shutil.copy(raw_tar, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Both commands on the PATH, as an installation puts them there."""
    folder = tmp_path_factory.mktemp("bin")
    for name in ("alexprep", "alextrain"):
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {name} "$@"\n')
        (folder / name).chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def run_all(commands, folder, environment):
    port = free_port()
    script = "\n".join(["set -e", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT", *commands])
    script = script.replace(":8000", f":{port}").replace("serve runs", f"serve --port {port} runs")
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_tutorial_runs_as_far_as_the_first_prediction(imagenette, environment):
    commands = commands_to_run("tutorial.md")
    last = next(i for i, command in enumerate(commands) if command.startswith("alextrain predict"))
    assert "photo.jpg\n" in run_all(commands[: last + 1], imagenette, environment)


@pytest.mark.soak
def test_every_command_of_the_tutorial_runs(imagenette, environment):
    printed = run_all(commands_to_run("tutorial.md"), imagenette, environment)
    assert '"guesses":[{"class":"n0' in printed
    text = (ROOT / "docs/tutorial.md").read_text()
    for page in re.findall(r"`((?:shards|runs)/[\w./-]+)`", text):
        assert (imagenette / page).exists(), f"tutorial.md names {page}"


def test_the_tutorial_shows_the_commands_of_the_whole_way():
    shown = " ".join(commands_to_run("tutorial.md"))
    used = set(re.findall(r"alex(?:prep|train) (\w+)", shown))
    assert used >= {"inspect", "shard", "stats", "fit", "eval", "predict", "export", "serve"}


@pytest.mark.parametrize("page", ["tutorial.md", "imagenet.md"])
def test_options_of_commands_that_are_not_run_exist(page, environment):
    reference = (ROOT / "docs/cli.md").read_text()
    sections = dict(re.findall(r"^### (alex\w+ \w+)\n(.*?)(?=^##|\Z)", reference, re.M | re.S))
    for command in (c for commands, _ in blocks(page) for c in commands):
        for name, rest in re.findall(r"\b(alex(?:prep|train) \w+)([^|;&]*)", command):
            assert name in sections, command
            for option in re.findall(r"--[\w-]+", rest):
                assert re.search(rf"{option}\b", sections[name]), f"{page}: {option} in {command}"
    assert any(not is_run for _, is_run in blocks(page))
