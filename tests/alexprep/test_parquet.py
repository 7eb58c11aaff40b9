"""Hugging Face's Parquet files: the same shards as from folders, each byte read once."""

import json

import pytest

from alexprep.building import laid
from alexprep.building.build import build
from alexprep.errors import DiskError, ImageError, RawError
from alexprep.planning.estimate import measure_plan
from alexprep.planning.plan import make_plan
from alexprep.raw import parquet_rows, spool
from alexprep.raw.detect import open_raw
from alexprep.raw.source import UNKNOWN_SIZE, read_source
from alexprep.shards.manifest import WORK, Manifest
from tests.alexprep.pictures import jpeg
from tests.alexprep.rawsets import open_as, write_folders, write_official
from tests.alexprep.sets import SETTINGS, contents

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

WNIDS = ("n00000001", "n00000002", "n00000003")
WORDS = ["tench, Tinca tinca", "goldfish", "great white shark"]
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def pictures(train=7, val=3):
    """Name -> JPEG, as in class folders."""
    files = {}
    for label, wnid in enumerate(WNIDS):
        for i in range(train):
            files[f"train/{wnid}/{wnid}_{7 * i + label}.JPEG"] = jpeg(
                40 + i, 50, seed=9 * i + label
            )
        for i in range(val):
            name = f"val/{wnid}/ILSVRC2012_val_{3 * i + label + 1:08d}.JPEG"
            files[name] = jpeg(50, 40 + i, seed=100 + 9 * i + label)
    return files


def doubled(name):
    """The path that Hugging Face gives an image: its own name, and its class once more."""
    _, wnid, file = name.split("/")
    return f"{file.removesuffix('.JPEG')}_{wnid}.JPEG"


def write(path, images, paths, labels, names=WORDS, group=3, **columns):
    """Write a file as `datasets` does: struct column, class names in the schema's metadata."""
    values = [{"bytes": data, "path": name} for data, name in zip(images, paths, strict=True)]
    arrays = {"image": pa.array(values, IMAGE), "label": pa.array(labels, pa.int64()), **columns}
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    noted = json.dumps({"info": {"features": features}})
    table = pa.table(arrays).replace_schema_metadata({"huggingface": noted})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=group)
    return path


def write_hub(root, files):
    """Several files a split, rows in another order than the names."""
    for split, name, parts in (("train", "train", 2), ("val", "validation", 1)):
        own = sorted((n for n in files if n.startswith(split)), key=lambda n: n[::-1])
        for part in range(parts):
            some = own[part::parts]
            write(
                root / "data" / f"{name}-{part:05d}-of-{parts:05d}.parquet",
                [files[n] for n in some],
                [doubled(n) for n in some],
                [WNIDS.index(n.split("/")[1]) for n in some],
            )
    return root


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


def test_labels_without_a_class_in_the_path_take_the_names_of_the_schema(tmp_path):
    images = [jpeg(30, 30, seed=i) for i in range(6)]
    labels = [1, 0, 2, 1, -1, None]
    write(tmp_path / "test-00000.parquet", images, [None] * 6, labels, names=["b", "a", "c"])
    raw = open_raw(tmp_path)
    assert [(s.class_name, s.name, images.index(read_source(s))) for s in raw.splits["test"]] == [
        ("a", "test/a/test-0.jpg", 0),
        ("a", "test/a/test-3.jpg", 3),
        ("b", "test/b/test-1.jpg", 1),
        ("c", "test/c/test-2.jpg", 2),
    ]
    assert raw.own_order == ("b", "a", "c")
    assert "test: 2 images without a label not read" in raw.found


def test_names_that_cannot_be_folders_become_words(tmp_path):
    images = [jpeg(30, 30, seed=i) for i in range(2)]
    names = ["T-shirt/top", *map(str, range(1, 11))]
    write(tmp_path / "train.parquet", images, ["x.jpg", "x.jpg"], [0, 10], names=names)
    raw = open_raw(tmp_path / "train.parquet")
    assert [source.name for source in raw.splits["train"]] == ["train/00/x.jpg", "train/10/x.jpg"]
    assert raw.words == {"00": "T-shirt/top", "10": "10"}


def test_a_plain_binary_column_and_labels_as_texts_are_understood(tmp_path):
    table = pa.table({"jpg": [b"\x89PNG1", b"2"], "class": ["dog", "cat"], "id": [1, 2]})
    pq.write_table(table, tmp_path / "x.parquet")
    sources = open_raw(tmp_path).splits["train"]
    assert [(s.name, read_source(s)) for s in sources] == [
        ("train/cat/train-1.png", b"2"),
        ("train/dog/train-0.png", b"\x89PNG1"),
    ]


def test_the_column_of_the_labels_can_be_named(tmp_path):
    images = [jpeg(30, 30), jpeg(30, 31)]
    coarse = pa.array([1, 1])
    path = write(tmp_path / "x.parquet", images, [None] * 2, [0, 1], group=1, coarse=coarse)
    sources = open_raw(path, "parquet:coarse").splits["train"]
    assert {source.class_name for source in sources} == {"1"}
    with pytest.raises(RawError, match=r"has no column fine; its columns are image, label, coarse"):
        open_raw(path, "parquet:fine")


def test_an_empty_row_is_one_bad_file(tmp_path):
    write(tmp_path / "x.parquet", [None, jpeg(30, 30)], ["a.jpg", "b.jpg"], [0, 0])
    source = open_raw(tmp_path).splits["train"][0]
    with pytest.raises(ImageError, match="empty row"):
        read_source(source)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"label": [1]}, "has no column of images; its columns are label"),
        ({"a": [b"x"], "b": [b"x"], "label": [1]}, r"has several columns of images \(a, b\)"),
        ({"image": [b"x"]}, r"no column of labels is known in it; name it: --layout parquet:CO"),
        ({"image": [b"x"], "label": [1.5]}, "no column of labels is known"),
        ({"image": [b"x"], "label": [-7]}, "column label holds -7; expected numbers from 0 on"),
        ({"image": [b"x"], "label": ["a/b"]}, "a label is 'a/b', which cannot be the name of a"),
        ({"image": [b"x"], "label": [-1]}, "no row has a label"),
    ],
)
def test_missing_columns_and_strange_labels_are_named(tmp_path, columns, reason):
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(RawError, match=reason):
        open_raw(tmp_path)


def test_a_label_beyond_the_class_names_is_refused(tmp_path):
    write(tmp_path / "x.parquet", [b"x"], [None], [3])
    with pytest.raises(RawError, match="column label holds 3; expected numbers from 0 to 2"):
        open_raw(tmp_path)


def test_one_label_with_two_wnids_is_damage(tmp_path):
    paths = ["n00000001_1_n00000001.JPEG", "n00000002_1_n00000002.JPEG"]
    write(tmp_path / "x.parquet", [b"x", b"y"], paths, [0, 0])
    with pytest.raises(RawError, match="label 0 is n00000001 in one row and n00000002 in another"):
        open_raw(tmp_path)


@pytest.mark.parametrize("cut", [1, 8, 600])
def test_a_cut_file_is_refused(tmp_path, cut):
    path = write(tmp_path / "x.parquet", [jpeg(60, 60)], [None], [0])
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(RawError, match=r"x\.parquet: no whole Parquet file .*download or copy it"):
        open_raw(tmp_path)


def test_damage_inside_is_told_when_it_is_read(tmp_path):
    path = write(tmp_path / "x.parquet", [jpeg(60, 60)], ["a.jpg"], [0])
    raw = open_raw(tmp_path)
    data = bytearray(path.read_bytes())
    data[4:60] = bytes(56)
    path.write_bytes(data)
    with pytest.raises(RawError, match=r"x\.parquet: no whole Parquet file"):
        build(make_plan(raw, SETTINGS), tmp_path / "shards", 1)
    assert not list((tmp_path / "shards").glob("*.tar"))


def test_several_sets_in_one_folder_are_not_mixed(tmp_path):
    write(tmp_path / "plain" / "train.parquet", [b"x"], [None], [0])
    write(tmp_path / "fancy" / "train.parquet", [b"x"], [None], [0])
    with pytest.raises(RawError, match=r"several folders \(fancy, plain\); give one of them"):
        open_as("parquet", tmp_path)


def test_other_columns_in_a_later_file_are_refused(tmp_path):
    write(tmp_path / "train-0.parquet", [b"x"], [None], [0])
    write(tmp_path / "train-1.parquet", [b"x"], [None], [0], names=["other"])
    with pytest.raises(RawError, match=r"train-1\.parquet: has other columns or class names"):
        open_raw(tmp_path)


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    write(tmp_path / "x.parquet", [b"x"], [None], [0])
    monkeypatch.setattr(parquet_rows, "find_spec", lambda name: None)
    with pytest.raises(RawError, match=r'pip install "alexkit\[parquet\]"'):
        open_raw(tmp_path)


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
