"""`verify --repair`: only what is bad is made anew, and byte for byte the same, or nothing is."""

import dataclasses

import pytest

from alexprep.building.build import build
from alexprep.checking import repair as repair_module
from alexprep.checking.repair import repair
from alexprep.checking.verify import verify
from alexprep.errors import ShardError
from alexprep.shards.manifest import WORK
from tests.alexprep import shardsets
from tests.alexprep.commands import run
from tests.alexprep.pictures import encode, jpeg, photo
from tests.alexprep.sets import contents, marks, plan_of, spoil
from tests.alexprep.shardsets import noise, write_shards


@pytest.fixture
def plan(raw, target):
    """A finished set with something in its report; its plan."""
    spoil(raw, "train/n00000002/train_1_3.JPEG")
    spoil(raw, "val/n00000001/val_0_1.JPEG", encode(photo().convert("L"), "JPEG"))
    plan = plan_of(raw)
    build(plan, target, jobs=1)
    return plan


def damage(path):
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 16]) + data[middle + 1 :])


BESIDE = ["index-val.npz", "report.json", "report.csv", "_info.json"]


@pytest.mark.parametrize("names", [["train-000001.tar"], ["val-000000.tar", *BESIDE], BESIDE[:1]])
@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_damaged_is_made_anew_and_no_other_shard(plan, target, names, jobs):
    whole, before = contents(target), marks(target)
    for name in names:
        damage(target / name)
    done = []
    written = repair(target, verify(target), plan, jobs, done.append)
    assert sorted(written) == sorted(names)
    assert contents(target) == whole
    assert not (target / WORK).exists()
    untouched = before.keys() - set(names)
    assert {name: marks(target)[name] for name in untouched} == {
        name: before[name] for name in untouched
    }
    assert verify(target) == []


def test_a_lost_shard_is_made_anew_and_other_findings_are_left(plan, target):
    whole = contents(target)
    (target / "train-000002.tar").unlink()
    (target / "train-000099.tar").write_bytes(b"not ours")
    assert repair(target, verify(target), plan, 1) == ["train-000002.tar"]
    assert contents(target).items() >= whole.items()
    assert [finding.file for finding in verify(target)] == ["train-000099.tar"]


def test_other_raw_images_replace_nothing(raw, plan, target):
    damage(target / "train-000001.tar")
    before = contents(target)
    sample = plan.tasks[1].samples[2]
    (raw / sample.source.name).write_bytes(jpeg(71, 83, seed=5))
    with pytest.raises(ShardError, match=r"train-000001\.tar: comes out otherwise .* nothing was"):
        repair(target, verify(target), plan_of(raw), 1)
    assert contents(target) == before
    with pytest.raises(ShardError, match=r"other raw images \(36 there, 12 here\)"):
        repair(target, verify(target), plan_of(raw, splits=["val"]), 1)
    assert contents(target) == before


def test_another_codec_or_other_settings_are_refused_by_name(raw, plan, target, monkeypatch):
    damage(target / "train-000001.tar")
    other = plan_of(raw, dataclasses.replace(plan.settings, quality=90))
    with pytest.raises(ShardError, match="quality 95 and 90"):
        repair(target, verify(target), other, 1)
    codec = repair_module.codec
    monkeypatch.setattr(repair_module, "codec", lambda format_: codec(format_) | {"pillow": "1.1"})
    with pytest.raises(ShardError, match=r"another codec, there and here pillow .* and 1\.1"):
        repair(target, verify(target), plan, 1)


def test_the_command_repairs_and_verifies_again(raw, plan, target):
    whole = contents(target)
    damage(target / "train-000001.tar")
    result = run("verify", target)
    assert result.exit_code == 1
    assert result.output.endswith(f"raw images: alexprep verify {target} --repair RAW\n")
    result = run("verify", target, "--repair", raw, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert f"Made anew from {raw}, the same bytes as before: train-000001.tar\n" in result.output
    assert "6 shards with 35 samples are as written" in result.output
    assert contents(target) == whole


def test_raw_images_of_a_list_are_read_as_the_manifest_says(raw, tmp_path):
    paths = sorted(path for path in raw.rglob("*.JPEG"))
    lines = [f"{path.relative_to(raw)}\t{path.parent.name}\n" for path in paths]
    listed = tmp_path / "lists" / "all.txt"
    listed.parent.mkdir()
    listed.write_text("".join(lines))
    target = tmp_path / "from-list"
    made = run("shard", listed, target, "--root", raw, "--size", 32, "--jobs", 1)
    assert made.exit_code == 0, made.output
    whole = contents(target)
    damage(target / "train-000000.tar")
    without = run("verify", target, "--repair", listed)
    assert without.exit_code == 1
    assert "--root" in without.output
    result = run("verify", target, "--repair", listed, "--root", raw, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert contents(target) == whole


def test_a_layout_that_is_never_found_out_is_taken_from_the_manifest(raw, tmp_path, target):
    classes = raw / "train"  # class folders alone
    made = run("shard", classes, target, "--layout", "imagefolder", "--size", 32, "--jobs", 1)
    assert made.exit_code == 0, made.output
    whole = contents(target)
    damage(target / "train-000000.tar")
    result = run("verify", target, "--repair", classes, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert contents(target) == whole
    damage(target / "train-000000.tar")
    other = run("verify", target, "--repair", classes, "--layout", "kaggle")
    assert other.exit_code == 1
    assert other.output.splitlines()[-1].startswith("Error: ")


def test_verify_says_how_the_classes_are_mixed(plan, target):
    lines = run("verify", target).output.splitlines()
    told = [line for line in run("info", target).output.splitlines() if line.startswith("mixing")]
    assert [line for line in lines if line.startswith("mixing")] == told
    assert len(told) == 2


def test_deep_decodes_what_the_hashes_cannot_judge(tmp_path, monkeypatch):
    folder = write_shards(tmp_path / "shards", {"train": noise(0, 4, 16)}, extension="jpg")
    assert verify(folder, deep=True) == []
    good = shardsets.encode
    monkeypatch.setattr(shardsets, "encode", lambda array, kind: good(array, kind)[:-60])
    bad = write_shards(tmp_path / "bad", {"train": noise(0, 4, 16)}, extension="jpg")
    assert verify(bad) == []
    found = verify(bad, deep=True)
    assert {finding.file for finding in found} == {"train-000000.tar", "train-000001.tar"}
    assert "n00000001/train_0 does not decode (" in found[0].what
