"""The shards as others read them, unchanged: webdataset, timm, Hugging Face datasets; indexes."""

import io
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from alexprep.building.build import build
from alexprep.checking.verify import verify
from alexprep.errors import ShardError
from alexprep.shards.manifest import FOREIGN, Manifest
from alexprep.shards.other_indexes import write_dali, write_wids
from alexprep.shards.reader import ShardReader
from tests.alexprep.readers import READERS, digest
from tests.alexprep.sets import contents, make_raw, plan_of

SCRIPT = Path(__file__).parent / "readers.py"
SPLITS = {"train": 24, "val": 12}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers")
    build(plan_of(make_raw(folder / "raw")), folder / "shards", jobs=1)
    return folder / "shards"


def expected(shards, split):
    """[key, label, SHA-256 of the pixels] of each sample, as our own reader has them."""
    reader = ShardReader(shards, split)
    samples = []
    for number, key in enumerate(reader.index.keys()):
        with Image.open(io.BytesIO(reader.read(number))) as image:
            samples.append([key, int(reader.labels[number]), digest(image)])
    reader.close()
    assert len(samples) == SPLITS[split]
    return samples


@pytest.mark.parametrize("reader", READERS)
def test_others_read_the_shards_as_they_are(shards, tmp_path, reader):
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), reader, str(shards), str(tmp_path)],
        env=os.environ | offline,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout.splitlines()[-1])
    wanted = [[split, *sample] for split in SPLITS for sample in expected(shards, split)]
    if reader == "timm":  # it gives pictures and labels alone
        wanted = [[split, None, *sample] for split, _, *sample in wanted]
    assert found == wanted


def members(path):
    with tarfile.open(path) as archive:
        return [(entry.offset_data, entry.size, entry.name) for entry in archive]


def test_dali_s_index_names_every_member_and_where_it_lies(shards, tmp_path):
    written = write_dali(shards, tmp_path / "idx")
    assert [path.stem for path in written] == [path.stem for path in sorted(shards.glob("*.tar"))]
    for path in written:
        first, *lines = path.read_text().splitlines()
        entries = members(shards / f"{path.stem}.tar")
        assert first == f"v1.2 {len(entries) // 2}"
        pairs = zip(entries[::2], entries[1::2], strict=True)
        assert lines == [
            f"jpg {image[0]} {image[1]} {image[2]} cls {label[0]} {label[1]} {label[2]}"
            for image, label in pairs
        ]


def test_wids_s_index_names_the_shards_with_their_lengths(shards, tmp_path):
    for into, base in ((tmp_path / "wids", f"{shards}/"), (None, "")):
        train, val = write_wids(shards, into)
        content = json.loads(train.read_text())
        assert content["wids_version"] == 1
        assert [entry["url"] for entry in content["shardlist"]] == [
            f"{base}train-{number:06d}.tar" for number in range(4)
        ]
        assert sum(entry["nsamples"] for entry in content["shardlist"]) == 24
        assert val.name == "index-val.json"


def test_indexes_of_others_beside_the_shards_are_no_fault(shards, tmp_path):
    before = contents(shards)
    written = [*write_dali(shards), *write_wids(shards)]
    assert verify(shards) == []
    for path in written:
        path.unlink()
    assert contents(shards).items() <= before.items()


def test_dali_s_index_of_foreign_tars_is_refused(shards, tmp_path, monkeypatch):
    manifest = replace(Manifest.load(shards), layout=FOREIGN)
    monkeypatch.setattr(Manifest, "load", lambda folder: manifest)
    with pytest.raises(ShardError, match="use DALI's own wds2idx"):
        write_dali(shards, tmp_path)
