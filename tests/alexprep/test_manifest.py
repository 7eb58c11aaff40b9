import json

import numpy as np
import pytest

from alexprep.errors import SettingsError, ShardError
from alexprep.files import sha256_file
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index
from alexprep.shards.manifest import Manifest, ShardRecord
from alexprep.shards.reader import ShardReader
from alexprep.shards.tar import write_shard


@pytest.fixture
def shards(tmp_path):
    """Two shards of three and two samples with index and manifest; the images are any bytes."""
    written, records = [], []
    for number, count in enumerate((3, 2)):
        path = tmp_path / f"train-{number:06d}.tar"
        samples = [
            (f"c{i % 2}/s{number}{i}", i % 2, b"%d%d" % (number, i) * 400) for i in range(count)
        ]
        with path.open("wb", buffering=0) as file:
            written.append(write_shard(file, samples, "jpg"))
        size = path.stat().st_size
        records.append(ShardRecord(path.name, "train", count, size, sha256_file(path)))
    index = Index.build(written, [10, 11, 12, 13, 14], [f"{i:064x}" for i in range(5)])
    index.save(tmp_path / "index-train.npz")
    Manifest(
        settings=PrepSettings(size=64),
        codec={"pillow": "1"},
        layout="folders",
        label_order="wnid",
        classes=("c0", "c1"),
        words=("c0", "c1"),
        shards=tuple(records),
        index_sha256={"train": sha256_file(tmp_path / "index-train.npz")},
    ).save(tmp_path)
    return tmp_path


def test_a_manifest_is_read_back_whole(shards):
    manifest = Manifest.load(shards)
    assert (manifest.splits, manifest.samples("train"), manifest.samples("val")) == (
        ("train",),
        5,
        0,
    )
    before = (shards / "manifest.json").read_bytes()
    manifest.save(shards)
    assert (shards / "manifest.json").read_bytes() == before


def test_any_edit_of_the_manifest_is_noticed(shards):
    path = shards / "manifest.json"
    for old, new in (
        ('"quality": 95', '"quality": 90'),
        ('"c1"', '"c2"'),
        ('"samples": 3', '"samples": 4'),
    ):
        text = path.read_text()
        path.write_text(text.replace(old, new))
        with pytest.raises(ShardError, match="was changed after it was written"):
            Manifest.load(shards)
        path.write_text(text)


def test_another_format_version_is_refused_with_both_versions(shards):
    path = shards / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"format_version": 1}))
    with pytest.raises(ShardError, match="format version 1; this program reads version 2"):
        Manifest.load(shards)


def test_a_folder_without_a_manifest_is_unfinished_or_no_set(shards):
    (shards / "manifest.json").unlink()
    with pytest.raises(ShardError, match="holds no shards of alexprep"):
        Manifest.load(shards)
    (shards / ".work").mkdir()
    with pytest.raises(ShardError, match=r"unfinished .* run the same"):
        Manifest.load(shards)
    with pytest.raises(ShardError, match="no such folder"):
        Manifest.load(shards / "nowhere")
    with pytest.raises(ShardError, match="is a file; name the folder of the shards"):
        Manifest.load(shards / "train-000000.tar")


def test_missing_cut_and_extra_shards_are_named(shards):
    reader = ShardReader(shards, "train")
    assert len(reader) == 5
    first = shards / "train-000000.tar"
    whole = first.read_bytes()
    first.write_bytes(whole[:-1])
    with pytest.raises(ShardError, match=r"train-000000.tar: has [\d,]+ bytes where the manifest"):
        ShardReader(shards, "train")
    first.unlink()
    with pytest.raises(ShardError, match=r"train-000000.tar: this shard is missing"):
        ShardReader(shards, "train")
    first.write_bytes(whole)
    (shards / "train-000002.tar").write_bytes(b"")
    with pytest.raises(ShardError, match=r"train-000002.tar: the manifest does not list"):
        ShardReader(shards, "train")


def test_a_sample_is_read_by_its_number(shards):
    reader = ShardReader(shards, "train")
    assert [reader.read(i) for i in range(5)] == [
        b"%d%d" % (s, i) * 400 for s, i in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1))
    ]
    assert reader.labels.tolist() == [0, 1, 0, 0, 1]
    assert reader.index.shard_of(np.arange(5)).tolist() == [0, 0, 0, 1, 1]
    assert reader.describe(3).endswith("train-000001.tar, sample c0/s10")
    (shards / "train-000001.tar").write_bytes(b"")
    with pytest.raises(ShardError, match=r"train-000001.tar, sample c0/s10: cannot be read"):
        reader.read(3)
    reader.close()


def test_a_changed_index_is_refused(shards):
    path = shards / "index-train.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ShardError, match="is not the index that the manifest names"):
        ShardReader(shards, "train")
    path.write_bytes(data[:100])
    with pytest.raises(ShardError, match="is damaged"):
        Index.load(path)


def test_an_unknown_split_is_refused_with_those_there_are(shards):
    with pytest.raises(ShardError, match="has no split 'val'; it has train"):
        ShardReader(shards, "val")


def test_settings_are_read_back_and_wrong_ones_refused():
    settings = PrepSettings(size=160, quality=90, shard_size=7)
    assert PrepSettings.from_dict(settings.to_dict()) == settings
    assert settings.digest() != PrepSettings(size=160, quality=90).digest()
    with pytest.raises(
        SettingsError, match=r"quality must be a whole number from 1 to 100; got 101"
    ):
        PrepSettings(quality=101)
    with pytest.raises(SettingsError, match=r"geometry 'wrap' is unknown; choose torchvision"):
        PrepSettings(geometry="wrap")
    with pytest.raises(SettingsError, match=r"setting 'qualty' is unknown; did you mean quality"):
        PrepSettings.from_dict({"qualty": 90})
