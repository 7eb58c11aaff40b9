"""Fixtures of tests that make shards."""

import subprocess

import pytest

from alexprep.remote import transfer
from tests.alexprep.commands import run
from tests.alexprep.sets import PATHS, make_raw


@pytest.fixture
def raw(tmp_path):
    return make_raw(tmp_path / "raw")


@pytest.fixture
def target(tmp_path):
    return tmp_path / "shards"


@pytest.fixture
def hooks(monkeypatch):
    """Processes begun from here misbehave as tests/alexprep/hooks says."""
    monkeypatch.setenv("PYTHONPATH", PATHS)
    monkeypatch.setenv("TEST_HOOKS", "1")
    return monkeypatch


@pytest.fixture
def mounted(tmp_path):
    """A folder that is a small disk of its own; needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"cannot mount a small disk here: {done.stderr.decode().strip()}")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


@pytest.fixture
def shards(raw_folder, tmp_path):
    result = run("shard", raw_folder, tmp_path / "shards", "--size", 32, "--jobs", 1)
    assert result.exit_code == 0, result.output
    return tmp_path / "shards"


@pytest.fixture(scope="session")
def bucket():
    """An S3 server on loopback with a bucket; the environment as its users would have it."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "known")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        transfer._file_system.cache_clear()
        transfer._file_system("s3").mkdir("images")
        yield "s3://images"
        transfer._file_system.cache_clear()
    server.stop()
