"""Killed anywhere, damaged anywhere: the run goes on to the weights of an undisturbed one."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch

from alextrain.cli.screen import Screen
from alextrain.errors import CheckpointError
from alextrain.training.checkpoint import load_checkpoint, load_latest
from alextrain.training.logged import read_log
from alextrain.training.run import Run
from alextrain.training.sets import open_sets
from alextrain.training.setup import make_trainer

from .small_runs import MACHINE as MACHINE_HERE
from .small_runs import recipe
from .small_shards import write_trainable

RECIPE = ["--recipe", "quick", "--width", "0.05", "--crop", "67", "--batch-size", "5"]
MACHINE = ["--device", "cpu", "--cache", "off", "--workers", "2", "--save-every", "1"]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_trainable(tmp_path_factory.mktemp("shards"))


def command(shards, run, epochs):
    options = [*RECIPE, *MACHINE, "--epochs", str(epochs), "--resume", "auto"]
    return ["fit", str(shards), "--run", str(run), *options]


def disturbed(shards, run, epochs, kills, seed, longest=1.2):
    driver = [sys.executable, "-m", "tests.alextrain.kill_driver", str(kills), str(seed)]
    done = subprocess.run(
        [*driver, str(longest), *command(shards, run, epochs)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    killed, last = map(int, done.stdout.split())
    assert last == 0, done.stderr
    return killed


def assert_same_run(one, other):
    ours, theirs = load_checkpoint(one / "last.pt"), load_checkpoint(other / "last.pt")
    assert ours["progress"] == theirs["progress"]
    for name, weights in ours["model"].items():
        assert torch.equal(weights, theirs["model"][name]), name
    steps = [
        [(row["step"], row["loss"]) for row in read_log(run) if row["kind"] == "step"]
        for run in (one, other)
    ]
    assert steps[0] == steps[1]
    assert sorted(path.name for path in one.iterdir()) == sorted(p.name for p in other.iterdir())


def test_runs_killed_at_random_moments_end_in_the_same_weights(shards, tmp_path):
    disturbed(shards, tmp_path / "whole", epochs=3, kills=0, seed=0)
    killed = disturbed(shards, tmp_path / "cut", epochs=3, kills=3, seed=1)
    assert killed > 0
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_thirty_kills_end_in_the_same_weights(shards, tmp_path, seed):
    disturbed(shards, tmp_path / "whole", epochs=12, kills=0, seed=0)
    killed = disturbed(shards, tmp_path / "cut", epochs=12, kills=30, seed=seed, longest=2.0)
    assert killed >= 10
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_at_once_and_says_how_to_go_on(shards, tmp_path, number, status):
    run = tmp_path / "run"
    running = subprocess.Popen(
        [sys.executable, "-m", "alextrain", *command(shards, run, epochs=10_000)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        while not (run / "previous.pt").exists():
            assert running.poll() is None, running.stderr.read()
            time.sleep(0.02)
        running.send_signal(signal.SIGUSR1)
        time.sleep(0.2)
        assert running.poll() is None
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == status
    assert "Saving after this step." in out
    assert "Stopping after this step and saving" in out
    assert f"alextrain fit {shards} --run {run} --resume" in out
    assert "Traceback" not in err
    step = load_checkpoint(run / "last.pt")["progress"]["step"]
    assert f"Stopped at step {step:,};" in out


class Signalled(Screen):
    """A screen that gets SIGUSR1 during step 3 and looks, a step later, at what is saved."""

    def __init__(self, run):
        super().__init__(1)
        self.run, self.steps, self.found = run, 0, None

    def step(self, result, shown):
        super().step(result, shown)
        self.steps += 1
        if self.steps == 3:
            assert not (self.run / "last.pt").exists()
            os.kill(os.getpid(), signal.SIGUSR1)
        elif self.steps == 4:
            self.found = load_checkpoint(self.run / "last.pt")["progress"]["step"]


def test_usr1_saves_the_step_it_came_in_and_the_run_goes_on(shards, tmp_path):
    """Nothing else saves within the five steps of this one epoch."""
    given = recipe(epochs=1)
    sets = open_sets(shards, given, MACHINE_HERE, workers=1)
    trainer = make_trainer(given, MACHINE_HERE, len(sets.manifest.classes), compiled=False)
    screen = Signalled(tmp_path / "run")
    run = Run(tmp_path / "run", sets, trainer, MACHINE_HERE, screen)
    run.start(None, None)
    with screen.listening():
        result = run.fit()
    assert screen.found == 3
    assert (result.finished, screen.steps) == (True, 5)


@pytest.fixture(scope="module")
def finished(shards, tmp_path_factory):
    run = tmp_path_factory.mktemp("finished") / "run"
    disturbed(shards, run, epochs=1, kills=0, seed=0)
    return run


def damaged(data, how, place):
    if how == "cut":
        return data[:place]
    flipped = bytearray(data)
    flipped[place // 8 % len(data)] ^= 1 << place % 8
    return bytes(flipped)


def check_damage(finished, folder, how, places):
    """No damage gives wrong weights: it is noticed, or it is where nothing is read from."""
    folder.mkdir()
    whole = (finished / "last.pt").read_bytes()
    weights = load_checkpoint(finished / "last.pt")["model"]
    before = (finished / "previous.pt").read_bytes()
    (folder / "previous.pt").write_bytes(before)
    noticed = 0
    for place in places:
        (folder / "last.pt").write_bytes(damaged(whole, how, place))
        try:
            found = load_checkpoint(folder / "last.pt")
        except CheckpointError:
            noticed += 1
            assert load_latest(folder).content["progress"]["step"] == 4
        else:
            assert all(torch.equal(found["model"][name], weights[name]) for name in weights)
    return noticed


@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_damage_anywhere_in_a_checkpoint_never_gives_wrong_weights(finished, tmp_path, how):
    size = (finished / "last.pt").stat().st_size * (1 if how == "cut" else 8)
    draws = random.Random(7)
    places = [draws.randrange(size) for _ in range(25)]
    noticed = check_damage(finished, tmp_path / "run", how, places)
    assert noticed == 25 if how == "cut" else noticed >= 20


@pytest.mark.soak
@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_much_damage_never_gives_wrong_weights(finished, tmp_path, how):
    size = (finished / "last.pt").stat().st_size * (1 if how == "cut" else 8)
    draws = random.Random(8)
    places = [draws.randrange(size) for _ in range(2000)]
    check_damage(finished, tmp_path / "run", how, places)
