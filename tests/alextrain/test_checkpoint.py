import os
import pickle
import resource
import zipfile

import pytest
import torch

from alexprep.errors import DiskError
from alextrain.errors import CheckpointError
from alextrain.training.checkpoint import (
    content_digest,
    load_checkpoint,
    load_latest,
    load_weights,
    save_checkpoint,
    save_last,
)
from alextrain.training.setup import make_trainer

from .small_runs import MACHINE, recipe


def content(step=0):
    torch.manual_seed(step)
    return {
        "recipe": {"name": "paper"},
        "settings": {"size": 256},
        "classes": ["a", "b"],
        "words": ["cat", "dog"],
        "statistics": {"channel_mean": torch.rand(3, dtype=torch.float64)},
        "model": {"conv1.weight": torch.randn(4, 3), "steps": torch.tensor(step)},
        "progress": {"step": step, "best": float("inf"), "errors": [0.5, 0.25]},
        "half": torch.rand(5).bfloat16(),
    }


def test_what_is_saved_is_read_back(tmp_path):
    save_checkpoint(tmp_path / "a.pt", content(3))
    found = load_checkpoint(tmp_path / "a.pt")
    assert content_digest({k: found[k] for k in content(3)}) == content_digest(content(3))


def test_the_file_opens_with_torch_alone_and_weights_only(tmp_path):
    save_checkpoint(tmp_path / "a.pt", content())
    found = torch.load(tmp_path / "a.pt", weights_only=True)
    assert torch.equal(found["model"]["conv1.weight"], content()["model"]["conv1.weight"])


def test_no_flipped_byte_gives_other_content(tmp_path):
    """torch.load alone returns wrong weights after a flip; ours returns the right or none."""
    path = tmp_path / "a.pt"
    save_checkpoint(path, content())
    whole, right = path.read_bytes(), load_checkpoint(path)
    refused = 0
    for at in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[at] ^= 0x10
        path.write_bytes(changed)
        try:
            assert content_digest(load_checkpoint(path)) == content_digest(right)
        except CheckpointError:
            refused += 1
    assert refused > len(whole) // 7 // 10


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.999])
def test_a_cut_file_is_refused_by_name(tmp_path, share):
    path = tmp_path / "a.pt"
    save_checkpoint(path, content())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match=r"a\.pt: is damaged"):
        load_checkpoint(path)


class Evil:
    def __reduce__(self):
        return os.system, ("touch opened",)


def test_a_pickled_object_is_never_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": Evil()}, "zip.pt")
    with open("plain.pt", "wb") as file:  # noqa: PTH123  # a name as the user gives it
        pickle.dump({"model": Evil()}, file)
    with pytest.raises(CheckpointError, match="holds a pickled object; it is not opened"):
        load_checkpoint(tmp_path / "zip.pt")
    with pytest.raises(CheckpointError, match="torch writes a zip archive, this is none"):
        load_checkpoint(tmp_path / "plain.pt")
    assert not (tmp_path / "opened").exists()


def test_another_version_and_a_foreign_file_are_told_apart(tmp_path):
    torch.save({"format_version": 99}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="has checkpoint version 99; this program reads"):
        load_checkpoint(tmp_path / "a.pt")
    torch.save({"format_version": 1}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="lacks 'recipe'"):
        load_checkpoint(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "b.pt")


def test_a_damaged_last_checkpoint_is_named_and_the_one_before_used(tmp_path):
    save_last(tmp_path, content(1))
    save_last(tmp_path, content(2))
    assert load_latest(tmp_path)[0]["progress"]["step"] == 2
    last = tmp_path / "last.pt"
    last.write_bytes(last.read_bytes()[:-300])
    found, damaged = load_latest(tmp_path)
    assert found["progress"]["step"] == 1
    assert len(damaged) == 1
    assert "last.pt" in damaged[0]
    assert damaged[0].endswith("using previous.pt")


@pytest.mark.parametrize("keep", [1, 2, 4])
def test_the_last_few_are_kept_and_the_newest_whole_one_is_found(tmp_path, keep):
    for step in range(1, 7):
        save_last(tmp_path, content(step), keep)
    names = ["last.pt", "previous.pt", "previous-2.pt", "previous-3.pt"][:keep]
    assert {path.name for path in tmp_path.iterdir()} == set(names)
    for age, name in enumerate(names):
        assert load_latest(tmp_path).content["progress"]["step"] == 6 - age
        (tmp_path / name).write_bytes(b"PK\x03\x04 no more")
    with pytest.raises(CheckpointError, match="has no whole checkpoint to resume from"):
        load_latest(tmp_path)


def test_a_run_killed_between_two_renames_is_still_found(tmp_path):
    save_last(tmp_path, content(1))
    save_checkpoint(tmp_path / "fresh.pt", content(2))
    (tmp_path / "last.pt").replace(tmp_path / "previous.pt")
    assert load_latest(tmp_path)[0]["progress"]["step"] == 2


def test_no_checkpoint_at_all_is_said(tmp_path):
    with pytest.raises(CheckpointError, match="has no checkpoint to resume from"):
        load_latest(tmp_path)


def test_a_failing_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    save_last(tmp_path, content(1))

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(DiskError, match="the disk is full"):
        save_last(tmp_path, content(2))
    assert load_latest(tmp_path)[0]["progress"]["step"] == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["last.pt"]


def test_a_disk_that_fills_while_a_checkpoint_is_written_is_a_sentence(tmp_path):
    save_last(tmp_path, content(1))
    large = content(2) | {"more": torch.zeros(1_000_000)}
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, usual[1]))  # a short write, then an error
    try:
        with pytest.raises(DiskError, match=r"fresh\.pt: cannot be written \(File too large\)"):
            save_last(tmp_path, large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert load_latest(tmp_path)[0]["progress"]["step"] == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["last.pt"]


def test_a_file_that_unpacks_to_more_than_its_size_is_not_unpacked(tmp_path, monkeypatch):
    save_last(tmp_path, content(1))
    with (
        zipfile.ZipFile(tmp_path / "last.pt") as plain,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            data = bytes(5_000_000) if name.endswith("data.pkl") else plain.read(name)
            packed.writestr(name, data)
    monkeypatch.setattr(torch, "load", None)  # is not come to
    with pytest.raises(CheckpointError, match=r"bomb\.pt: is no checkpoint \(it unpacks to 5,\d"):
        load_checkpoint(tmp_path / "bomb.pt")


def test_weights_of_another_shape_name_key_and_both_shapes():
    model = torch.nn.Linear(3, 2)
    with pytest.raises(CheckpointError, match=r"'weight' has shape \[2, 4\], expected \[2, 3\]"):
        load_weights(model, {"weight": torch.zeros(2, 4), "bias": torch.zeros(2)}, "x.pt")
    with pytest.raises(CheckpointError, match=r"x\.pt: lacks the weights 'bias'"):
        load_weights(model, {"weight": torch.zeros(2, 3)}, "x.pt")
    with pytest.raises(CheckpointError, match="has weights 'more' that this model lacks"):
        load_weights(model, {**model.state_dict(), "more": torch.zeros(1)}, "x.pt")


def test_a_compiled_net_is_saved_by_its_own_names():
    """torch.compile wraps a module, and its names would begin with _orig_mod."""
    given = recipe("quick")
    plain, compiled = (make_trainer(given, MACHINE, 3, compiled=c) for c in (False, True))
    assert compiled.gradients.forward is not compiled.model
    names = [list(trainer.result.state_dict()) for trainer in (plain, compiled)]
    assert names[0] == names[1]
    assert not any("_orig_mod" in name for name in names[1])
