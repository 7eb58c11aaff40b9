"""Errors, interruptions and help of all commands: one line each, and the exit status."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from alexprep.cli import main
from alexprep.cli.group import Terminated
from alexprep.synth.cast import SynthSettings
from alexprep.synth.raw_set import make_raw
from tests.alexprep.commands import ALEXPREP, run
from tests.alexprep.processes import wait_for_silence


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["shard", "nowhere", "shards"], "nowhere: does not exist"),
        (["shard", ".", "shards", "--size", "0"], "size must be a whole number from 8"),
        (["stats", "nowhere"], "nowhere: no such folder; make shards with `alexprep shard RAW"),
        (["verify", "."], ".: holds no shards of alexprep (no manifest.json)"),
        (["info", "nowhere"], "nowhere: no such folder"),
        (["preview", "nowhere", "-o", "x.png"], "nowhere: no such folder"),
        (["synth", ".", "--classes", "99"], "classes must be a whole number from 1 to 72; got 99"),
    ],
)
def test_what_a_user_can_cause_is_one_line_and_status_1(arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: ")
    assert sentence in line
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_is_status_2():
    assert run("shard").exit_code == 2
    assert run("shard", "a", "b", "--geometry", "round").exit_code == 2


def failing(error):
    @main.command("fail", cls=None)
    def fail():
        raise error

    try:
        return run("fail")
    finally:
        del main.commands["fail"]


def test_an_error_of_a_path_is_one_line_and_a_bug_keeps_its_traceback():
    result = failing(PermissionError(13, "Permission denied", "/secret/x"))
    assert (result.exit_code, result.output) == (1, "Error: /secret/x: Permission denied\n")
    bug = ZeroDivisionError("a bug")
    assert failing(bug).exception is bug
    full = failing(OSError(28, "No space left on device"))  # standard output on a full disk
    assert (full.exit_code, full.output) == (1, "Error: the disk is full; free some space\n")
    nameless = OSError("no file in it")
    assert failing(nameless).exception is nameless


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [(KeyboardInterrupt(), 130, "SIGINT"), (Terminated(), 143, "SIGTERM")],
)
def test_an_interruption_is_one_line_that_says_how_to_continue(error, status, name):
    result = failing(error)
    assert result.exit_code == status
    assert result.output == (
        f"\nStopped by {name}; run the same command again: what is finished is kept.\n"
    )


def test_sigterm_is_as_it_was_after_a_command():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        run("info", "nowhere")
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def many_images(tmp_path_factory):
    raw = tmp_path_factory.mktemp("many") / "raw"
    make_raw(raw, SynthSettings(classes=2, train=120, val=0, large=0), jobs=2)
    return raw


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_shard_is_continued_by_the_same_command(many_images, tmp_path, number):
    shards = tmp_path / "shards"
    command = [*ALEXPREP, "shard", many_images, shards, "--shard-size", "4", "--jobs", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        wait_for(lambda: len(list(shards.glob(".work/train-*.json"))) >= 2, process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 128 + number, errors
    assert errors.splitlines()[-1].startswith(f"Stopped by {number.name}; run the same"), errors
    assert "Traceback" not in errors
    assert wait_for_silence(process.pid) == []
    finished = len(list(shards.glob("train-*.tar")))
    assert 2 <= finished < 30
    assert run("stats", shards).exit_code == 1  # unfinished
    result = run("shard", many_images, shards, "--shard-size", 4, "--jobs", 1)
    assert result.exit_code == 0, result.output
    kept = int(re.search(r"(\d+) kept", result.output)[1])
    assert kept >= 2
    assert run("verify", shards).exit_code == 0


def wait_for(condition, process, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)


# Measured are modules, not seconds: the machine may be busy.
@pytest.mark.parametrize("arguments", [[], *([name] for name in main.commands)])
def test_help_imports_nothing_slow(arguments):
    code = (
        "import sys\n"
        "from alexprep.cli import main\n"
        f"main({[*arguments, '--help']!r}, standalone_mode=False)\n"
        "slow = {'numpy', 'PIL', 'joblib', 'matplotlib', 'torch', 'tqdm', 'simplejpeg'}\n"
        "print('slow:', *(slow & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: ")
    assert done.stdout.splitlines()[-1] == "slow:"


def test_version_and_both_ways_to_start():
    ours = subprocess.run([*ALEXPREP, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"alexprep, version \d+\.\d+\.\d+\n", ours.stdout)


def test_a_full_pipe_is_no_error(shards):
    command = f"{sys.executable} -m alexprep info {shards} | head -c 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert b"Traceback" not in done.stderr
