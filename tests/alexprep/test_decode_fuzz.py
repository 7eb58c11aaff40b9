"""Damaged files of all kinds: a picture or a reason, whatever the bytes; no crash, no hang, no word on the screen."""

import json
import subprocess
import sys

import pytest

# A picture of --max-pixels takes 4 MB here; Pillow reads a chunk of text in a PNG up to 64 MB.
MOST_MB = 100


def fuzz(seed, times):
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.alexprep.fuzz"]
    done = subprocess.run(
        [*command, str(seed), str(times)], capture_output=True, text=True, check=False
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
    found = fuzz(seed, times=800)
    assert found["picture"] + found["reason"] >= 16_000
    assert found["grown"] < MOST_MB
