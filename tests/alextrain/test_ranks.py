"""Several processes: the same samples, the same batches, the same weights, the same counts."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch

from alextrain.errors import RankError, RecipeError
from alextrain.ranks import Ranks, agreed
from alextrain.training.checkpoint import load_checkpoint
from alextrain.training.logged import read_log

# No batch norm, and dropout off: then the number of processes changes roundings alone.
QUIET = """
epochs = 2
batch_size = 5
[network]
model = "paper"
width = 0.05
dropout = 0.0
[input]
crop = 67
normalise = "mean-image"
[optimiser]
lr = 0.01
[schedule]
policy = "plateau"
"""


def fit(count, shards, run, *more, **environment):
    options = ["--device", "cpu", "--cache", "off", "--workers", "1"]
    return job(count, ["fit", str(shards), "--run", str(run), *options, *more], **environment)


def job(count, command, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "tests.alextrain.rank_driver", str(count), *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )
    statuses = done.stdout.rpartition("statuses ")[2].split()
    return done, [int(status) for status in statuses]


@pytest.fixture(scope="module")
def quiet_recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "quiet.toml"
    path.write_text(QUIET)
    return path


@pytest.fixture(scope="module")
def alone(shards, quiet_recipe, tmp_path_factory):
    run = tmp_path_factory.mktemp("alone") / "run"
    done, statuses = fit(1, shards, run, "--recipe", str(quiet_recipe))
    assert statuses == [0], done.stderr
    return run


@pytest.mark.parametrize("count", [2, 3])
def test_the_number_of_processes_changes_roundings_alone(
    shards, quiet_recipe, alone, tmp_path, count
):
    """22 images by 5: the last batch has 2, so of three processes one has none of it."""
    run = tmp_path / "run"
    done, statuses = fit(count, shards, run, "--recipe", str(quiet_recipe))
    assert statuses == [0] * count, done.stderr
    assert done.stdout.count("Device:") == 1
    found, whole = load_checkpoint(run / "last.pt"), load_checkpoint(alone / "last.pt")
    for name, weights in whole["model"].items():
        torch.testing.assert_close(found["model"][name], weights, rtol=0, atol=1e-5)
    assert found["progress"]["step"] == whole["progress"]["step"] == 10
    for key in ("images", "top1", "top5"):
        assert found["tally"][key] == whole["tally"][key]
    losses = [
        [row["loss"] for row in read_log(one) if row["kind"] == "step"] for one in (alone, run)
    ]
    torch.testing.assert_close(*map(torch.tensor, losses), rtol=1e-4, atol=0)
    ours, theirs = (load_checkpoint(one / "best.pt")["result"] for one in (run, alone))
    assert ours["images"] == 7
    assert {k: v for k, v in ours.items() if "loss" not in k} == {
        k: v for k, v in theirs.items() if "loss" not in k
    }
    assert listing(run) == listing(alone), "rank 0 alone writes"


def listing(run):
    """Return the names of a run's files; TensorBoard's have time and process in theirs."""
    names = [str(path.relative_to(run)) for path in run.rglob("*")]
    return sorted(re.sub(r"tfevents.*", "tfevents", name) for name in names)


def test_a_killed_process_ends_the_job_and_the_rest_resume_in_another_number(
    shards, quiet_recipe, alone, tmp_path
):
    run = tmp_path / "run"
    begun = time.monotonic()
    recipe = ("--recipe", str(quiet_recipe))
    done, statuses = fit(2, shards, run, *recipe, "--save-every", "1", KILL_RANK="1", KILL_STEP="7")
    assert statuses == [1, -signal.SIGKILL], done.stderr
    assert time.monotonic() - begun < 60
    assert "another process of this job ended" in done.stderr
    assert "Traceback" not in done.stderr
    assert load_checkpoint(run / "last.pt")["progress"]["step"] == 7
    done, statuses = fit(3, shards, run, *recipe, "--resume", "auto")
    assert statuses == [0] * 3, done.stderr
    found, whole = load_checkpoint(run / "last.pt"), load_checkpoint(alone / "last.pt")
    for name, weights in whole["model"].items():
        torch.testing.assert_close(found["model"][name], weights, rtol=0, atol=1e-5)


def test_torchrun_starts_a_job_that_ends_with_one_run(shards, quiet_recipe, alone, tmp_path):
    run = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = ["fit", str(shards), "--run-folder", str(run), "--recipe", str(quiet_recipe)]
    done = subprocess.run(
        [*torchrun, "--nproc-per-node", "2", "-m", "alextrain", *command, "--device", "cpu"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Device:") == 1
    assert listing(run) == listing(alone)
    found, whole = load_checkpoint(run / "last.pt"), load_checkpoint(alone / "last.pt")
    for name, weights in whole["model"].items():
        torch.testing.assert_close(found["model"][name], weights, rtol=0, atol=1e-5)


def test_eval_of_several_processes_is_refused_in_a_sentence(shards, alone):
    options = ["eval", str(alone / "best.pt"), str(shards), "--device", "cpu"]
    done, statuses = job(2, options)
    assert statuses == [1, 1]
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert "eval runs in one process; start it without torchrun (fit" in line
    assert "top-1" not in done.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--crop", "99", "--recipe", "quick", "--width", "0.05"], "crop 99 does not fit"),
        (["--lr", "1e30", "--crop", "67", "--width", "0.05", "--batch-size", "5"], "lower --lr"),
    ],
)
def test_what_stops_every_process_is_said_once_and_all_end_with_1(
    shards, tmp_path, options, sentence
):
    done, statuses = fit(2, shards, tmp_path / "run", "--epochs", "1", *options)
    assert statuses == [1, 1]
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert sentence in line
    assert "Traceback" not in done.stderr


class Said(Ranks):
    """A process that hears what the others of its job would say."""

    def __init__(self, rank, *texts):
        super().__init__(rank, len(texts))
        self.texts = texts

    def gather(self, value):
        return [value if rank == self.rank else text for rank, text in enumerate(self.texts)]


def test_what_stops_one_process_is_said_by_the_first_and_ends_all():
    others = agreed(Said(0, None, "its disk is gone", None))
    with pytest.raises(RankError, match="process 1 of this job: its disk is gone"), others:
        pass
    with pytest.raises(SystemExit) as ended, agreed(Said(2, None, "its disk is gone", None)):
        pass
    assert ended.value.code == 1
    with pytest.raises(RecipeError, match="own"), agreed(Said(0, None, "other")):
        raise RecipeError("own")
    with agreed(Said(1, None, None)):
        pass


def test_shares_of_a_batch_are_all_of_it_and_even():
    for samples in range(12):
        for count in range(1, 6):
            shares = [Ranks(rank, count).share(samples) for rank in range(count)]
            taken = [i for share in shares for i in range(samples)[share]]
            assert taken == list(range(samples))
            sizes = [len(range(samples)[share]) for share in shares]
            assert max(sizes) - min(sizes) <= 1
