"""Damaged files of all kinds: a picture or a reason; no crash, no hang, nothing on the screen."""

import json
import subprocess
import sys

import pytest

# A picture of --max-pixels takes 4 MB here; Pillow reads a chunk of text in a PNG up to 64 MB.
MOST_MB = 100


def fuzz(seed, times, *archive):
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.alexprep.fuzz"]
    done = subprocess.run(
        [*command, str(seed), str(times), *archive], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""  # nor do the readers talk past us
    return json.loads(done.stdout)


def test_damaged_files_give_a_picture_or_a_reason():
    found = fuzz(seed=0, times=25)
    assert found["picture"] + found["reason"] >= 500
    assert min(found["picture"], found["reason"]) > 80
    assert found["grown"] < MOST_MB


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 9))
def test_many_damaged_files_give_a_picture_or_a_reason(seed):
    found = fuzz(seed, times=3000)
    assert found["picture"] + found["reason"] >= 60_000
    assert found["grown"] < MOST_MB


@pytest.mark.soak
def test_real_files_damaged_give_a_picture_or_a_reason(shared_data):
    found = fuzz(9, 100, shared_data / "awkward.tar")
    assert min(found["picture"], found["reason"]) > 1000
    assert found["slowest"] < 5
