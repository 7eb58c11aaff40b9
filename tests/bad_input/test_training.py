"""What each bad set, checkpoint or device gets when a net is to be trained.

Damaged checkpoints have a file of their own: alextrain/test_checkpoint.py.
"""

import io
import shutil

import pytest
import torch

from alexprep.cli import main as alexprep
from alextrain.cli import main as alextrain
from tests.conftest import jpeg_bytes, smooth_image

from .commands import TINY_NET, fit, run, shard

# no train split; no val split; one class only


def test_no_train_split(copy):
    shutil.rmtree(copy / "raw/train")
    shard(copy / "raw", copy / "only", "--split", "val")
    assert "has no split 'train'" in run(alexprep, "stats", copy / "only", status=1)
    assert "has no train split (it has val)" in fit(copy / "only", copy / "run2", status=1)


def test_no_val_split(copy):
    shutil.rmtree(copy / "raw/val")
    shard(copy / "raw", copy / "only")
    run(alexprep, "stats", copy / "only", status=0)
    output = fit(copy / "only", copy / "run2")
    assert "there is no val split: nothing will be validated" in output
    assert "Nothing was validated: there is no val split" in output


@pytest.mark.parametrize("command", [["fit", "--repeat", "2"], ["ablate", "--only", "half"]])
def test_runs_that_cannot_be_compared_are_not_trained(copy, command):
    shutil.rmtree(copy / "raw/val")
    shard(copy / "raw", copy / "only")
    run(alexprep, "stats", copy / "only", status=0)
    options = [*TINY_NET, "--run", copy / "runs"]
    output = run(alextrain, *command, copy / "only", *options, status=1)
    assert "has no val split, and runs are compared by their validation errors" in output
    assert not (copy / "runs").exists()


def test_one_class_only(copy):
    shutil.rmtree(copy / "raw/train/dog")
    shutil.rmtree(copy / "raw/val/dog")
    assert "one class" in shard(copy / "raw", copy / "only")
    run(alexprep, "stats", copy / "only", status=0)
    assert "has one class only (cat)" in fit(copy / "only", copy / "run2", status=1)


# shards and statistics of another version, changed, or of other shards


def test_shards_of_another_format_version(copy):
    path = copy / "shards/manifest.json"
    path.write_text(path.read_text().replace('"format_version": 2', '"format_version": 7'))
    for output in (
        run(alexprep, "stats", copy / "shards", status=1),
        fit(copy / "shards", copy / "run2", status=1),
        run(alextrain, "eval", copy / "run/best.pt", copy / "shards", status=1),
    ):
        assert "format version 7; this program reads version 2" in output


@pytest.mark.parametrize("how", ["changed", "missing"])
def test_a_changed_or_missing_shard(copy, how):
    path = copy / "shards/train-000000.tar"
    if how == "changed":
        path.write_bytes(path.read_bytes()[:-512])
    else:
        path.unlink()
    for output in (
        run(alexprep, "stats", copy / "shards", status=1),
        fit(copy / "shards", copy / "run2", status=1),
    ):
        assert "train-000000.tar" in output


def test_statistics_of_other_shards(copy):
    shard(copy / "raw", copy / "other", "--quality", 60)
    shutil.copy(copy / "shards/stats.npz", copy / "other/stats.npz")
    assert "belongs to other shards (fingerprint" in fit(copy / "other", copy / "run2", status=1)


# checkpoints


def test_a_checkpoint_of_another_number_of_classes(copy):
    extra = copy / "raw/train/emu"
    extra.mkdir()
    (extra / "0.jpg").write_bytes(jpeg_bytes(smooth_image(1, 90, 80)))
    shard(copy / "raw", copy / "more")
    run(alexprep, "stats", copy / "more", status=0)
    checkpoint = copy / "run/best.pt"
    output = run(alextrain, "eval", checkpoint, copy / "more", status=1)
    assert f"{checkpoint}: knows 2 classes where the shards have 3" in output
    output = fit(copy / "more", copy / "tuned", "--weights", checkpoint)
    assert "the last layer is new, because that run knows 2 classes" in output


def test_weights_of_another_model_name_key_and_shapes(copy):
    checkpoint = copy / "run/best.pt"
    output = fit(copy / "shards", copy / "tuned", "--width", 0.1, "--weights", checkpoint, status=1)
    assert "'features.conv1.weight' has shape [" in output
    assert "expected [" in output


def test_a_corrupt_checkpoint_and_one_with_a_pickled_object(copy):
    checkpoint = copy / "run/best.pt"
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2])
    assert "is damaged" in run(alextrain, "eval", checkpoint, copy / "shards", status=1)
    torch.save({"model": io.StringIO("an object")}, checkpoint)
    output = run(alextrain, "predict", checkpoint, copy / "raw/train/cat/0.jpg", status=1)
    assert "holds a pickled object; it is not opened" in output


# devices


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_cuda(copy):
    output = fit(copy / "shards", copy / "run2", "--device", "cuda", status=1)
    assert f"--device cuda: torch {torch.__version__}" in output
    assert "no GPU was found" in fit(copy / "shards", copy / "run2", "--device", "auto")
