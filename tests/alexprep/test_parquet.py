"""Hugging Face's Parquet files: the same shards as from folders, each byte read once."""

import pytest

from alexprep.building import laid
from alexprep.building.build import build
from alexprep.errors import DiskError
from alexprep.planning.estimate import measure_plan
from alexprep.planning.plan import make_plan
from alexprep.raw import parquet_rows, spool
from alexprep.raw.detect import open_raw
from alexprep.raw.source import UNKNOWN_SIZE, read_source
from alexprep.shards.manifest import WORK, Manifest
from tests.alexprep.parquetsets import WNIDS, WORDS, pictures, write_hub
from tests.alexprep.pictures import jpeg
from tests.alexprep.rawsets import write_folders, write_official
from tests.alexprep.sets import SETTINGS, contents


def made(raw, target, **options):
    plan = make_plan(open_raw(raw), SETTINGS)
    build(plan, target, 1, **options)
    return contents(target)


def test_parquet_folders_and_official_archives_give_the_same_shards(tmp_path):
    files = pictures()
    write_folders(tmp_path / "folders", files)
    write_official(tmp_path / "official", files)
    write_hub(tmp_path / "hub", files)
    found = {
        name: made(tmp_path / name, tmp_path / f"{name}-shards")
        for name in ("folders", "official", "hub")
    }
    assert open_raw(tmp_path / "hub").layout == "parquet"
    for name in ("official", "hub"):
        same = {path for path in found["folders"] if "manifest" not in path}
        assert {path: found[name][path] for path in same} == {
            path: found["folders"][path] for path in same
        }
        assert found[name].keys() == found["folders"].keys()
    manifest = Manifest.load(tmp_path / "hub-shards")
    assert (manifest.classes, manifest.label_order) == (WNIDS, "wnid")
    assert list(manifest.words) == WORDS


def test_each_row_group_is_read_once(tmp_path, monkeypatch):
    write_hub(tmp_path / "hub", pictures())
    read = []
    original = parquet_rows.Rows.stream

    def stream(self, places):
        read.append((self.file, len(set(places))))
        return original(self, places)

    monkeypatch.setattr(parquet_rows.Rows, "stream", stream)
    monkeypatch.setattr(parquet_rows.Rows, "read", None)  # never one by one
    made(tmp_path / "hub", tmp_path / "shards")
    assert sorted(count for _, count in read) == [9, 10, 11]
    assert not (tmp_path / "shards" / WORK).exists()


def test_a_look_and_an_estimate_need_no_spool(tmp_path):
    files = pictures()
    raw = open_raw(write_hub(tmp_path / "hub", files))
    for sources in raw.splits.values():
        for source in sources:
            assert source.size == UNKNOWN_SIZE
            assert read_source(source) == files[source.name]
    estimate = measure_plan(make_plan(raw, SETTINGS), images=5)
    assert estimate.images == 5


def test_a_finished_set_is_left_alone_and_a_recheck_reads_it_again(tmp_path):
    files = pictures()
    write_hub(tmp_path / "hub", files)
    before = made(tmp_path / "hub", tmp_path / "shards")
    plan = make_plan(open_raw(tmp_path / "hub"), SETTINGS)
    assert build(plan, tmp_path / "shards", 1).written == 0
    assert build(plan, tmp_path / "shards", 1, recheck=True).written == 0
    name = next(name for name in files if "train" in name)
    files[name] = jpeg(44, 55, seed=1234)
    write_hub(tmp_path / "hub", files)
    plan = make_plan(open_raw(tmp_path / "hub"), SETTINGS)
    assert build(plan, tmp_path / "shards", 1, recheck=True).written == 1
    assert made(tmp_path / "hub", tmp_path / "anew") == contents(tmp_path / "shards") != before


def test_an_interrupted_run_lays_out_only_what_is_left(tmp_path, monkeypatch):
    files = pictures()
    write_hub(tmp_path / "hub", files)
    plan = make_plan(open_raw(tmp_path / "hub"), SETTINGS)
    calls = []
    original = parquet_rows.Rows.stream

    def fail_on_third(self, places):
        calls.append(self.file)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, places)

    monkeypatch.setattr(parquet_rows.Rows, "stream", fail_on_third)
    with pytest.raises(KeyboardInterrupt):
        build(plan, tmp_path / "shards", 1)
    left = sorted((tmp_path / "shards" / WORK / spool.SPOOL).iterdir())
    assert [path.name.startswith(".") for path in left] == [False, False]
    build(plan, tmp_path / "shards", 1)
    assert calls[3:] == calls[2:3]
    assert contents(tmp_path / "shards") == made(tmp_path / "hub", tmp_path / "anew")


def test_a_cut_file_of_the_spool_is_made_again(tmp_path):
    raw = open_raw(write_hub(tmp_path / "hub", pictures()))
    sources = raw.splits["val"]
    folder = tmp_path / "spool"
    spool.lay_out(sources, folder)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    placed = spool.lay_out(sources, folder)
    assert path.read_bytes() == whole
    for source in sources:
        assert read_source(placed(source)) == read_source(source)
        assert placed(source).path == source.path


def test_a_disk_too_small_for_the_spool_is_told_before_the_work(tmp_path, monkeypatch):
    raw = open_raw(write_hub(tmp_path / "hub", pictures()))
    monkeypatch.setattr(spool, "free_bytes", lambda _path: 1000)
    with pytest.raises(DiskError, match=r"are laid out here .* takes about 0\.\d\d GB, and 0\.00"):
        laid.laid_out(tmp_path / "shards", make_plan(raw, SETTINGS).tasks)


def test_datasets_own_files_are_read(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    )
    rows = {"image": [{"bytes": jpeg(30, 30, seed=i), "path": None} for i in range(4)]}
    rows["label"] = [0, 1, 1, 0]
    datasets.Dataset.from_dict(rows, features).to_parquet(tmp_path / "raw" / "train.parquet")
    raw = open_raw(tmp_path / "raw")
    assert [source.class_name for source in raw.splits["train"]] == ["cat", "cat", "dog", "dog"]
    assert read_source(raw.splits["train"][1]) == jpeg(30, 30, seed=3)
