"""Without an optional package each command that needs it names the extra that installs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.alextrain.small_shards import encode, picture, write_set
from tests.alextrain.test_fit import SIZE, fit, recipe, write_statistics

ROOT = Path(__file__).parents[1]
PACKAGES = [
    *("aiohttp", "dask", "distributed", "fsspec", "multipart", "onnx", "onnxruntime"),
    *("onnxscript", "pyarrow", "python_multipart", "s3fs", "safetensors", "sklearn"),
    *("starlette", "torchao", "uvicorn"),
]
URL = "http://127.0.0.1:9"
COMMANDS = {
    "alexprep inspect rows": "parquet",
    "alexprep shard rows out --size 72": "parquet",
    "alextrain predict best.pt photo.jpg --out answers.parquet": "parquet",
    "alextrain eval best.pt shards --predictions val.parquet": "parquet",
    "alextrain features best.pt shards --out fc7.parquet": "parquet",
    f"alexprep shard {URL}/raw.zip out": "remote",
    f"alexprep verify {URL}/set": "remote",
    "alexprep shard images s3://bucket/set": "remote",
    f"alextrain fit {URL}/set": "remote",
    "alextrain predict best.pt s3://bucket/photo.jpg": "remote",
    "alexprep shard images out --backend dask --cluster tcp://127.0.0.1:9": "cluster",
    "alextrain probe best.pt shards": "probe",
    "alextrain export best.pt shards --to onnx": "export",
    "alextrain export best.pt shards --to safetensors": "export",
    "alextrain export best.pt shards --to timm": "export",
    "alextrain predict best.safetensors photo.jpg": "export",
    "alextrain quantise best.pt shards --to onnx": "export",
    "alextrain quantise best.pt shards --to torch": "export",
    "alextrain serve best.pt": "serve",
    "alextrain serve best.onnx": "serve",
}
# The finder of installed packages that does not find some of them.
DRIVER = """
import json, sys
from importlib.machinery import PathFinder

lacking, commands = json.loads(sys.argv[1])

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in lacking else super().find_spec(name, path, target)

sys.meta_path[:] = [Finder if finder is PathFinder else finder for finder in sys.meta_path]

from click.testing import CliRunner
from alexprep.cli import main as alexprep
from alextrain.cli import main as alextrain

results = {}
for command in commands:
    program, *words = command.split()
    done = CliRunner().invoke({"alexprep": alexprep, "alextrain": alextrain}[program], words)
    results[command] = (done.exit_code, done.output, repr(done.exception))
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Shards, images, two networks, and files whose packages are missing."""
    folder = tmp_path_factory.mktemp("extras")
    images = [encode(picture(i, SIZE)) for i in range(9)]
    write_set(folder / "shards", {"train": [images[:6]], "val": [images[6:]]}, size=SIZE)
    write_statistics(folder / "shards")
    fit(folder / "shards", folder / "run", recipe())
    (folder / "run" / "last.pt").rename(folder / "best.pt")
    for i in range(6):
        place = folder / "images" / "train" / f"n0000000{i % 2}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i}.JPEG").write_bytes(images[i])
    (folder / "photo.jpg").write_bytes(images[0])
    (folder / "rows").mkdir()
    for name in ("rows/train-0.parquet", "best.safetensors", "best.onnx"):
        (folder / name).write_bytes(b"any")
    return folder


@pytest.fixture(scope="module")
def results(folder):
    """What each command ended with: status, output, exception."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps([PACKAGES, list(COMMANDS)])],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("command", "extra"), COMMANDS.items())
def test_a_command_without_its_package_names_the_extra(results, command, extra):
    status, output, exception = results[command]
    assert (status, exception) == (1, "SystemExit(1)"), output
    assert f'pip install "alexkit[{extra}]"' in output
    assert "Traceback" not in output
