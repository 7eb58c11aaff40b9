"""Tars that others made, streamed: each sample once an epoch, from a server as from here."""

import shutil

import numpy as np
import pytest
import torch

from alexprep.measuring.moments import sum_images
from alexprep.settings import PrepSettings
from alexprep.shards.statistics import Statistics
from alextrain.data.foreign import Stream
from alextrain.data.streamed import StreamLoader
from alextrain.data.tars import list_tars
from alextrain.errors import CheckpointError
from alextrain.ranks import ALONE
from alextrain.training.checkpoint import load_checkpoint, load_latest
from alextrain.training.run import Run
from alextrain.training.setup import make_trainer
from alextrain.training.streamed_sets import Tars, open_streamed
from tests.servers import serving

from .small_runs import MACHINE, Listener, recipe, same, weights_of
from .small_shards import picture
from .small_tars import FIT, HERE, fit, write_tar

SETTINGS = PrepSettings(size=72)
pytestmark = pytest.mark.usefixtures("cache")


def loader_of(folder, samples=22, seed=3, classes=3):
    stream = Stream(tuple(list_tars(str(folder))), seed)
    return StreamLoader(stream, samples, classes, SETTINGS, 5, 2)


def test_each_sample_comes_once_an_epoch_in_an_order_of_its_own(tars):
    stream = Stream(tuple(list_tars(str(tars))), 3)
    orders = [[taken.title for taken in stream.epoch(epoch)] for epoch in (0, 1, 0)]
    assert len(set(orders[0])) == 22
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] == orders[2] != orders[1]
    assert orders[0] != sorted(orders[0])
    others = [taken.title for taken in Stream(stream.tars, 4).epoch(0)]
    assert others != orders[0]


def test_pixels_are_those_of_shards_and_labels_go_with_them(tars):
    loader = loader_of(tars, seed=None)
    batches = list(loader.batches(np.arange(22)))
    loader.close()
    assert [len(batch.labels) for batch in batches] == [5, 5, 5, 5, 2]
    images = torch.cat([batch.images for batch in batches])
    labels = torch.cat([batch.labels for batch in batches])
    assert labels.tolist() == [number % 3 for number in range(22)]
    distance = (images[7].int() - torch.tensor(picture(7, 72)).int()).abs()
    assert distance.float().mean() < 3  # as JPEG has it


def test_an_epoch_begun_in_the_middle_has_what_was_left(tars):
    loader = loader_of(tars)
    numbers = np.arange(22, 44)  # of the second epoch
    whole = list(loader.batches(numbers))
    rest = list(loader.batches(numbers[10:]))
    overlapping = list(loader.parts([numbers[:6], numbers[4:10], numbers[:0], numbers[9:11]]))
    loader.close()
    for ours, theirs in zip(rest, whole[2:], strict=True):
        assert torch.equal(ours.images, theirs.images)
    joined = torch.cat([batch.images for batch in whole])
    for batch, (low, high) in zip(overlapping, [(0, 6), (4, 10), (0, 0), (9, 11)], strict=True):
        assert torch.equal(batch.images, joined[low:high])


def test_other_sizes_are_brought_to_the_size_asked(tmp_path):
    write_tar(tmp_path / "large.tar", range(3), side=100)
    loader = loader_of(tmp_path, samples=3)
    (batch,) = loader.batches(np.arange(3))
    loader.close()
    assert batch.images.shape == (3, 72, 72, 3)


def test_a_server_gives_the_same_run_as_a_folder(tars, tmp_path, cache):
    common = [*FIT, *HERE, "--epochs", 2]
    val = tars.parent / "val.tar"
    result = fit(tars, *common, "--val", val, "--run", tmp_path / "here")
    assert result.exit_code == 0, result.output
    assert "22 images to train on, 7 to validate on (val), 3 classes" in result.output
    assert "3 tars without a manifest, streamed by webdataset" in result.output
    assert "alextrain eval" not in result.output
    with serving(tars.parent) as server:
        url = f"{server.url}/{tars.name}/t-{{000..002}}.tar"
        remote = [url, *common, "--val", f"{server.url}/val.tar", "--run"]
        result = fit(*remote, tmp_path / "there")
        assert result.exit_code == 1
        assert "3 of 3 tars have yet to come" in result.output
        result = fit(*remote, tmp_path / "there", "--samples", 22)
        assert result.exit_code == 0, result.output
    assert len(list(cache.iterdir())) == 4
    ours, theirs = (weights_of(tmp_path / run / "last.pt") for run in ("here", "there"))
    assert same(ours, theirs)
    # All are here now, though the server has ended, and can be counted.
    result = fit(*remote, tmp_path / "again")
    assert result.exit_code == 0, result.output
    assert same(ours, weights_of(tmp_path / "again" / "last.pt"))


@pytest.mark.parametrize("name", ["quick", "mixed"])
def test_a_run_stopped_in_mid_epoch_goes_on_to_the_same_weights(tars, tmp_path, name):
    given = recipe("quick", epochs=2, **({"mixup": 0.4} if name == "mixed" else {}))

    def run(folder, stop_after=None, resume=False):
        sets = open_streamed(Tars(str(tars), classes=3, size=72), given, MACHINE, 2, ALONE)
        trainer = make_trainer(given, MACHINE, 3, compiled=False)
        one = Run(tmp_path / folder, sets, trainer, MACHINE, Listener(stop_after))
        one.start(load_latest(tmp_path / folder) if resume else None)
        one.fit()
        sets.train.close()

    run("whole")
    run("cut", stop_after=3)
    run("cut", stop_after=4, resume=True)
    run("cut", resume=True)
    assert same(weights_of(tmp_path / "whole/last.pt"), weights_of(tmp_path / "cut/last.pt"))


@pytest.mark.parametrize("first", ["validated", "not validated"])
def test_a_run_goes_on_with_validation_or_without_as_it_began(tars, tmp_path, first):
    val, given = str(tars.parent / "val.tar"), recipe("quick", epochs=2)

    def run(validation, stop_after=None, latest=None):
        of_tars = Tars(str(tars), classes=3, size=72, validation=validation)
        sets = open_streamed(of_tars, given, MACHINE, 2, ALONE)
        trainer = make_trainer(given, MACHINE, 3, compiled=False)
        one = Run(tmp_path / "run", sets, trainer, MACHINE, Listener(stop_after))
        try:
            one.start(latest)
            return one.fit()
        finally:
            sets.train.close()

    before, after = (val, None) if first == "validated" else (None, val)
    run(before, stop_after=6)  # in the second epoch
    with pytest.raises(CheckpointError, match=r"--val.*, or begin another --run"):
        run(after, latest=load_latest(tmp_path / "run"))
    assert run(before, latest=load_latest(tmp_path / "run")).finished


def test_a_server_that_dies_leaves_the_steps_that_were_done(tars, tmp_path, monkeypatch):
    monkeypatch.setattr("alexprep.remote.attempts._FIRST_WAIT", 0.001)
    monkeypatch.setattr("alextrain.data.foreign.BUFFER", 2)
    sizes = StreamLoader(Stream((str(tars / "t-000.tar"),)), 9, 3, SETTINGS, 9, 1)
    (batch,) = sizes.batches(np.arange(9))
    stats = sum_images(batch.images.numpy())
    Statistics(9, stats.pixel_sum, stats.outer_sum, "", "train").save(tmp_path / "stats.npz")
    with serving(tars) as server:
        url = f"{server.url}/t-{{000..002}}.tar"
        order = [taken.title for taken in Stream(tuple(list_tars(url)), 0).epoch(0)]
        server.broken = order[-1].partition(",")[0].rpartition("/")[2]
        shutil.rmtree(tmp_path / "cache")
        common = [*FIT, *HERE, "--epochs", 1, "--samples", 22, "--stats", tmp_path / "stats.npz"]
        result = fit(url, *common, "--run", tmp_path / "run")
        assert result.exit_code == 1
        assert result.output.splitlines()[-1].startswith(f"Error: {server.url}/{server.broken}: ")
        assert "run the same command again" in result.output
        assert "saved at step" in result.output
        assert load_checkpoint(tmp_path / "run" / "last.pt")["progress"]["step"] > 0
        server.broken = None
        result = fit(url, *common, "--run", tmp_path / "run", "--resume", "auto")
        assert result.exit_code == 0, result.output


def test_nothing_secret_of_a_url_is_said_or_kept(tars, tmp_path, monkeypatch):
    monkeypatch.setattr("alexprep.remote.attempts._FIRST_WAIT", 0.001)
    run = tmp_path / "run"
    with serving(tars) as server:
        secret = server.url.replace("://", "://me:boom@") + "/t-{000..002}.tar?token=boom"
        result = fit(secret, *FIT, *HERE, "--epochs", 1, "--samples", 22, "--run", run)
        assert result.exit_code == 0, result.output
        for more in ([], ["--samples", 22]):  # refused: begun already
            result = fit(secret, *FIT, *HERE, "--run", run, *more)
            assert result.exit_code == 1
            assert "boom" not in result.output
    for path in [*run.rglob("*"), *(tmp_path / "cache").rglob("*")]:
        assert "boom" not in path.name
        assert not path.is_file() or b"token=boom" not in path.read_bytes()
