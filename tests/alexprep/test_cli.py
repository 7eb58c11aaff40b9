"""The commands as a user types them."""

import io
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from alexprep.cli import main
from alexprep.cli.group import Terminated
from alexprep.cli.progress import Progress, byte_size, duration
from alexprep.shards.manifest import Manifest
from alexprep.shards.statistics import Statistics
from alexprep.synth.cast import SynthSettings
from alexprep.synth.raw_set import make_raw

ALEXPREP = [sys.executable, "-m", "alexprep"]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def shards(raw_folder, tmp_path):
    result = run("shard", raw_folder, tmp_path / "shards", "--size", 32, "--jobs", 1)
    assert result.exit_code == 0, result.output
    return tmp_path / "shards"


def test_the_main_job_from_raw_images_to_statistics(raw_folder, tmp_path):
    shards = tmp_path / "shards"
    result = run("shard", raw_folder, shards, "--size", 32, "--jobs", 1)
    assert result.exit_code == 0, result.output
    for text in (
        f"Found in {raw_folder} (folders):\n  train: 24 files of 3 classes\n  val: 12 files",
        "Plan:\n  train: 24 samples in 1 shard\n  val: 12 samples in 1 shard\n",
        "with 1 job (",
        "measured on 36 images of the set",
        f"0 kept; {shards} holds 36 images in 2 shards, ",
        "Skipped: 0 bad, repaired: 0, converted: 0",
        f"Next: alexprep stats {shards}",
    ):
        assert text in result.output
    result = run("stats", shards)
    assert result.exit_code == 0, result.output
    assert "24 images of train, 32x32, every pixel" in result.output
    assert "121.78  37.09  19.72" in result.output
    assert f"Next: alextrain fit {shards}" in result.output
    statistics = Statistics.load(shards / "stats.npz", Manifest.load(shards).fingerprint)
    assert statistics.count == 24
    for name in ("mean.png", "eigenbasis.png"):
        with Image.open(shards / "figures" / name) as picture:
            assert min(picture.size) > 400


def test_the_same_command_again_does_nothing(raw_folder, shards):
    before = {path.name: path.stat().st_mtime_ns for path in shards.iterdir()}
    result = run("shard", raw_folder, shards, "--size", 32, "--jobs", 1)
    assert result.exit_code == 0
    assert f"Nothing to do: {shards} holds 36 images in 2 shards" in result.output
    assert {path.name: path.stat().st_mtime_ns for path in shards.iterdir()} == before


def test_recheck_makes_a_damaged_shard_anew(raw_folder, shards):
    path = shards / "train-000000.tar"
    good = path.read_bytes()
    path.write_bytes(good[:700] + bytes([good[700] ^ 1]) + good[701:])
    assert run("verify", shards).exit_code == 1
    result = run("shard", raw_folder, shards, "--size", 32, "--jobs", 1, "--recheck")
    assert "Written: 1 shard in" in result.output
    assert path.read_bytes() == good
    assert run("verify", shards).exit_code == 0


def test_every_setting_arrives_in_the_manifest(raw_folder, tmp_path):
    options = {
        "size": 24, "geometry": "warp", "filter": "lanczos", "format": "jpg", "quality": 80,
        "subsampling": "4:4:4", "shard_size": 7, "max_pixels": 5000, "seed": 3,
    }  # fmt: skip
    arguments = [
        x for name, value in options.items() for x in (f"--{name.replace('_', '-')}", value)
    ]
    result = run("shard", raw_folder, tmp_path / "s", "--jobs", 1, *arguments)
    assert result.exit_code == 3, result.output  # some images have more than 5,000 pixels
    assert Manifest.load(tmp_path / "s").settings.to_dict() == options


def test_a_dry_run_says_the_plan_and_writes_nothing(raw_folder, tmp_path):
    result = run("shard", raw_folder, tmp_path / "shards", "--dry-run", "--split", "val")
    assert result.exit_code == 0
    assert "Plan:\n  val: 12 samples in 1 shard\nEstimate: " in result.output
    assert result.output.endswith("Nothing was written (--dry-run).\n")
    assert not (tmp_path / "shards").exists()


def test_bad_files_are_skipped_and_named_with_status_3(raw_folder, tmp_path):
    (raw_folder / "train/n00000001/bad.JPEG").write_text("this is text")
    result = run("shard", raw_folder, tmp_path / "shards", "--jobs", 1)
    assert result.exit_code == 3
    assert "Skipped: 1 bad" in result.output
    assert re.search(r"^  skipped 1, .*: train/n00000001/bad.JPEG$", result.output, re.MULTILINE)
    assert f"Report: {tmp_path / 'shards/report.csv'}" in result.output
    again = run("shard", raw_folder, tmp_path / "shards", "--jobs", 1)
    assert again.exit_code == 3


def test_bad_files_can_end_the_run_with_status_1(raw_folder, tmp_path):
    (raw_folder / "train/n00000001/bad.JPEG").write_text("this is text")
    result = run("shard", raw_folder, tmp_path / "shards", "--jobs", 1, "--on-bad", "fail")
    assert result.exit_code == 1
    assert "Error: train/n00000001/bad.JPEG: " in result.output


def test_what_is_allowed_but_seldom_meant_is_noted(tmp_path, raw_folder):
    for name in ("n00000002", "n00000003"):
        for path in raw_folder.glob(f"*/{name}/*"):
            path.unlink()
    result = run("shard", raw_folder, tmp_path / "shards", "--dry-run")
    assert "Note: only one class (n00000001): there is nothing to learn from it" in result.output


def test_verify_names_each_damaged_file_and_the_remedy(shards):
    result = run("verify", shards)
    assert result.exit_code == 0
    assert "2 shards with 36 samples are as written; fingerprint " in result.output
    (shards / "val-000000.tar").unlink()
    result = run("verify", shards)
    assert result.exit_code == 1
    assert "val-000000.tar: is missing\n" in result.output
    assert f"Error: {shards}: 1 file is not as written; " in result.output
    assert "--recheck" in result.output


def test_stats_refuses_shards_that_were_changed(shards):
    path = shards / "manifest.json"
    path.write_text(path.read_text().replace('"quality": 95', '"quality": 90'))
    result = run("stats", shards)
    assert result.exit_code == 1
    assert "manifest.json: was changed after it was written" in result.output
    assert not (shards / "stats.npz").exists()


def test_stats_of_another_split_and_of_none(shards):
    assert (
        "36 images of train+val"
        in run("stats", shards, "--split", "train", "--split", "val").output
    )
    result = run("stats", shards, "--split", "test")
    assert (result.exit_code, "has no split 'test'; it has train, val" in result.output) == (
        1,
        True,
    )


def test_info_is_a_table_and_says_whether_there_are_statistics(shards):
    result = run("info", shards)
    assert result.exit_code == 0
    assert re.search(r"^train\s+24\s+1\s", result.output, re.MULTILINE)
    assert Manifest.load(shards).fingerprint in result.output
    assert f"none yet: alexprep stats {shards}" in result.output
    run("stats", shards)
    assert "of 24 images (train)" in run("info", shards).output


def test_preview_draws_a_grid(shards, tmp_path):
    result = run("preview", shards, "-o", tmp_path / "grid.png", "--split", "val", "--images", 5)
    assert result.output == f"{tmp_path / 'grid.png'}: 5 images of val\n"
    with Image.open(tmp_path / "grid.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 10


def test_synth_draws_a_set_that_shard_reads(tmp_path):
    raw = tmp_path / "raw"
    options = ["--classes", 2, "--train", 6, "--val", 4, "--large", 0, "--jobs", 1]
    result = run("synth", raw, *options, "--layout", "ilsvrc2012")
    assert result.output.startswith(
        f"{raw}: 6 train and 4 val images, 2 classes\nNext: alexprep shard"
    )
    again = run("synth", raw, *options, "--layout", "ilsvrc2012")
    assert f"{raw}: nothing to do, holds 6 train" in again.output
    result = run("shard", raw, tmp_path / "shards", "--size", 32, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "(ILSVRC2012 archives):" in result.output
    assert set(Manifest.load(tmp_path / "shards").words) == {"striped disc", "dotted star"}


def test_doctor_prints_a_line_for_each_thing(tmp_path):
    result = run("doctor", tmp_path)
    assert result.exit_code == 0, result.output
    for name in ("Pillow", "resizing", "libjpeg", "cores", "disk"):
        assert re.search(rf"^(ok|note|slow) +{name} ", result.output, re.MULTILINE)


def test_doctor_ends_with_status_1_where_something_is_broken(tmp_path, monkeypatch):
    monkeypatch.setattr("alexprep.doctor.installed", lambda package: f"1.0 of {package}")
    result = run("doctor", tmp_path)
    assert result.exit_code == 1
    assert re.search(r"^broken +Pillow ", result.output, re.MULTILINE)


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
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: len(list(shards.glob("train-*.tar"))) >= 2, process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 128 + number, errors
    # joblib may add a warning of its own about the workers that were ended
    said = [
        line.startswith(f"Stopped by {number.name}; run the same") for line in errors.splitlines()
    ]
    assert any(said), errors
    assert "Traceback" not in errors
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


def test_progress_is_lines_where_there_is_no_terminal(capsys, monkeypatch):
    clock = iter([0.0, 4.0, 10.0, 15.0, 20.0])
    monkeypatch.setattr("alexprep.cli.progress.time.monotonic", lambda: next(clock))
    with Progress(2000, "images", done=500) as progress:
        for _ in range(4):
            progress.update(100)
    assert capsys.readouterr().err.splitlines() == [
        "700 of 2,000 images, 20 images/s, 1 min 5 s left",
        "900 of 2,000 images, 20 images/s, 55 s left",
    ]


def test_progress_is_a_bar_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with Progress(4000, "images", done=1000) as progress:
        progress.update(2000)
        progress.update(-500)  # a shard is begun again
    shown = sys.stderr.getvalue()
    assert "25%" in shown
    assert "2500/4000" in shown
    assert "images/s" in shown


def test_before_anything_is_done_the_time_left_is_not_known():
    assert Progress(10, "images").line(5.0) == "0 of 10 images, 0 images/s, unknown time left"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "under 1 s"),
        (1.4, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (999_600, "1 MB"), (37.24e9, "37.2 GB"),
     (2.5e15, "2.5e+03 TB")],
)  # fmt: skip
def test_sizes_read_as_people_say_them(count, text):
    assert byte_size(count) == text


def test_a_full_pipe_is_no_error(shards):
    command = f"{sys.executable} -m alexprep info {shards} | head -c 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert b"Traceback" not in done.stderr
