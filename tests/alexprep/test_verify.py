import os
from dataclasses import replace

import pytest

from alexprep.checking.verify import Finding, verify
from alexprep.errors import ShardError
from alexprep.files import sha256_file
from alexprep.measuring.measure import measure
from alexprep.shards.index import Index
from alexprep.shards.manifest import Manifest
from alexprep.shards.statistics import STATISTICS

from .shardsets import noise, write_shards


@pytest.fixture
def shards(tmp_path):
    splits = {"train": noise(0, 8, 16), "val": noise(1, 4, 16)}
    return write_shards(tmp_path / "shards", splits)


def with_manifest(folder, **changes):
    """Write a manifest that agrees with itself after changes that no honest run would make."""
    manifest = Manifest.load(folder)
    replace(manifest, **changes).save(folder)


def test_a_set_as_it_was_written_gives_no_finding_and_hashes_every_byte(shards):
    measure(shards).save(shards / STATISTICS)
    heard = []
    assert verify(shards, jobs=2, on_progress=heard.append) == []
    assert sum(heard) == sum(path.stat().st_size for path in shards.glob("*.tar"))


@pytest.mark.parametrize("name", ["train-000000.tar", "val-000001.tar"])
def test_one_flipped_bit_anywhere_is_found(shards, name):
    path = shards / name
    data = bytearray(path.read_bytes())
    data[700] ^= 4
    path.write_bytes(data)
    (finding,) = verify(shards)
    assert finding.file == name
    assert "was changed (sha256 " in finding.what


def test_a_missing_a_cut_and_a_foreign_shard_are_each_named_in_order(shards):
    (shards / "train-000001.tar").unlink()
    cut = shards / "train-000002.tar"
    os.truncate(cut, 1024)
    (shards / "extra-000000.tar").write_bytes(b"")
    findings = verify(shards, jobs=2)
    assert findings[0] == Finding("train-000001.tar", "is missing")
    assert findings[1].file == "train-000002.tar"
    assert findings[1].what.startswith("has 1,024 bytes where the manifest says")
    assert findings[2].file == "train-000002.tar"  # where it was cut
    assert findings[-1] == Finding(
        "extra-000000.tar", "the manifest does not list this shard", "move"
    )


def test_an_index_that_was_changed_or_lost_is_found(shards):
    path = shards / "index-train.npz"
    path.write_bytes(path.read_bytes() + b"x")
    (shards / "index-val.npz").unlink()
    train, val = verify(shards)
    assert train.file == "index-train.npz"
    assert "is not the index that the manifest names" in train.what
    assert (val.file, "no such file" in val.what) == ("index-val.npz", True)


def test_an_index_that_contradicts_the_shards_is_found(shards):
    path = shards / "index-train.npz"
    index = Index.load(path)
    index.labels[4] = 0
    index.save(path)
    hashes = dict(Manifest.load(shards).index_sha256)
    with_manifest(shards, index_sha256=hashes | {"train": sha256_file(path)})
    (finding,) = verify(shards)
    assert finding.file == "train-000001.tar"
    assert "sample n00000002/train_4 is not as the index has it" in finding.what


def test_a_wrong_count_in_the_manifest_is_found(shards):
    manifest = Manifest.load(shards)
    records = list(manifest.shards)
    # two shards whose counts are exchanged: every sum still agrees
    records[0] = replace(records[0], samples=2)
    records[2] = replace(records[2], samples=3)
    with_manifest(shards, shards=tuple(records))
    found = {finding.file: finding.what for finding in verify(shards)}
    assert found["train-000000.tar"] == "holds 3 samples where the manifest says 2"
    assert found["train-000002.tar"] == "holds 2 samples where the manifest says 3"


def test_statistics_of_other_shards_are_found(shards, tmp_path):
    other = write_shards(tmp_path / "other", {"train": noise(2, 4, 16)})
    measure(other).save(shards / STATISTICS)
    (finding,) = verify(shards)
    assert finding.file == STATISTICS
    assert "belongs to other shards" in finding.what


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(ShardError, match="holds no shards of alexprep"):
        verify(tmp_path)
