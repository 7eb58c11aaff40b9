"""Starting from other weights: another run's, torchvision's, averaged ones."""

import pytest
import torch
from click.testing import CliRunner
from torchvision.models import alexnet

from alextrain.cli import main
from alextrain.errors import CheckpointError
from alextrain.models.exchange import from_torchvision, to_torchvision
from alextrain.training.run import Run
from alextrain.training.sets import open_sets
from alextrain.training.setup import make_trainer
from alextrain.training.warm_start import read_start

from .small_runs import (
    MACHINE,
    Listener,
    fit,
    recipe,
    same,
    weights_of,
)


def test_a_run_starts_from_torchvisions_weights_with_a_new_last_layer(shards, tmp_path):
    given = recipe("torchvision", width=1.0)
    theirs = alexnet(num_classes=7).state_dict()
    torch.save(theirs, tmp_path / "alexnet.pth")
    trainer = make_trainer(given, MACHINE, 3, compiled=False)
    listener, sets = Listener(), open_sets(shards, given, MACHINE, workers=1)
    run = Run(tmp_path / "run", sets, trainer, MACHINE, listener)
    run.start(None, tmp_path / "alexnet.pth")
    assert any("last layer is new, because that run knows 7 classes" in n for n in listener.notes)
    ours, weights = trainer.model.state_dict(), from_torchvision(theirs)
    kept = {name: value for name, value in ours.items() if "fc8" not in name}
    assert same(kept, {name: weights[name] for name in kept})
    assert len(ours["classifier.fc8.bias"]) == 3


def test_a_layer_frozen_by_name_keeps_the_weights_that_were_given(shards, tmp_path):
    fit(shards, tmp_path / "first", recipe("paper", epochs=1))
    given = tmp_path / "first/last.pt"
    command = ["fit", str(shards), "--recipe", "paper", "--width", "0.05", "--crop", "67"]
    command += ["--weights", str(given), "--set", 'layer_rates=["conv1=0"]', "--epochs", "1"]
    command += ["--batch-size", "5", "--device", "cpu", "--run", str(tmp_path / "second")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    before, after = weights_of(given), weights_of(tmp_path / "second/last.pt")
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert still == {"features.conv1.weight", "features.conv1.bias"}


def test_weights_of_another_net_are_refused_by_name(shards, tmp_path):
    torch.save(alexnet(num_classes=3).state_dict(), tmp_path / "alexnet.pth")
    with pytest.raises(
        CheckpointError,
        match=r"alexnet.pth: .*features.conv1.weight' has shape .*; --model torchvision takes",
    ):
        fit(shards, tmp_path / "run", recipe("paper"), weights=tmp_path / "alexnet.pth")


def test_a_net_of_another_width_says_which_it_was(shards, tmp_path):
    fit(shards, tmp_path / "first", recipe("paper", epochs=1))
    given = tmp_path / "first/last.pt"
    with pytest.raises(
        CheckpointError, match=r"; its run had --model paper --width 0\.05 --crop 67"
    ):
        fit(shards, tmp_path / "run", recipe("paper", width=0.1), weights=given)


def test_nothing_in_a_file_of_weights_is_executed(tmp_path):
    torch.save({"features.0.weight": object()}, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match="holds a pickled object; it is not opened"):
        read_start(tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        read_start(tmp_path / "none.pth")


def test_the_average_begins_with_the_weights_that_were_taken(shards, tmp_path):
    fit(shards, tmp_path / "first", recipe(epochs=1))
    taken = weights_of(tmp_path / "first/last.pt")
    given = recipe(epochs=1, ema=0.9, seed=9, lr=1e-30)
    fit(shards, tmp_path / "second", given, weights=tmp_path / "first/last.pt")
    averaged = weights_of(tmp_path / "second/last.pt")
    learnt = [name for name in taken if "running" not in name and "batches" not in name]
    for name in learnt:
        torch.testing.assert_close(averaged[name], taken[name], rtol=1e-5, atol=1e-7)


def test_names_go_there_and_back():
    with torch.device("meta"):
        state = alexnet().state_dict()
    assert to_torchvision(from_torchvision(state)).keys() == state.keys()
