"""Raw sets behind URLs: the same shards, few requests, one sentence where a server fails."""

import pytest

from alexprep.building.build import build
from alexprep.errors import RawError
from alexprep.planning.plan import make_plan
from alexprep.raw.detect import open_raw
from alexprep.raw.source import read_source
from alexprep.remote import attempts, transfer, urls
from tests.alexprep.rawsets import tree, write_folders, write_tar, write_zip
from tests.alexprep.sets import SETTINGS, contents, make_raw
from tests.servers import serving

pytest.importorskip("aiohttp")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(attempts, "_FIRST_WAIT", 0.001)


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    with serving(folder) as server:
        server.folder = folder
        yield server


def listed(raw):
    return {
        split: [(s.class_name, s.name, read_source(s)) for s in sources]
        for split, sources in raw.splits.items()
    }


@pytest.mark.parametrize("form", ["raw.tar", "raw.zip", "raw"])
def test_a_set_behind_http_gives_the_sources_of_the_folders(tmp_path, served, form):
    files = tree() | {"train/n00000001/a b#%.JPEG": b"odd name"}
    local = open_raw(write_folders(tmp_path / "raw", files))
    if form == "raw":
        write_folders(served.folder / "raw", files)
    else:
        (write_tar if form == "raw.tar" else write_zip)(served.folder / form, files)
    raw = open_raw(f"{served.url}/{form}")
    assert listed(raw) == listed(local)
    assert raw.layout == {"raw.tar": "tar", "raw.zip": "zip", "raw": "imagefolder"}[form]


def test_shards_of_a_remote_archive_and_of_folders_are_the_same(tmp_path, served):
    make_raw(tmp_path / "raw")
    files = {
        path.relative_to(tmp_path / "raw").as_posix(): path.read_bytes()
        for path in (tmp_path / "raw").rglob("*.JPEG")
    }
    write_zip(served.folder / "raw.zip", files)
    build(make_plan(open_raw(tmp_path / "raw"), SETTINGS), tmp_path / "here", 1)
    build(make_plan(open_raw(f"{served.url}/raw.zip"), SETTINGS), tmp_path / "there", 2)
    there = contents(tmp_path / "there")
    assert {
        name for name, digest in contents(tmp_path / "here").items() if there[name] != digest
    } == {
        "manifest.json"  # it names the layout
    }


def test_an_archive_costs_few_requests_to_list_and_one_for_each_image(served):
    write_zip(served.folder / "raw.zip", tree())
    raw = open_raw(f"{served.url}/raw.zip")
    assert len(served.asked) <= 2
    served.asked.clear()
    sources = raw.splits["train"]
    for source in sources:
        read_source(source)
    assert len(served.asked) == len(sources)
    write_tar(served.folder / "raw.tar", tree())
    served.asked.clear()
    open_raw(f"{served.url}/raw.tar")
    assert len(served.asked) <= 4  # one look, one run: all headers lie within a megabyte


def test_webdataset_and_parquet_are_read_from_urls(tmp_path, served):
    write_tar(served.folder / "wds-train-0.tar", {"n00000001_1.jpg": b"x", "n00000001_1.cls": b"0"})
    raw = open_raw(f"{served.url}/wds-train-0.tar")
    assert (raw.layout, listed(raw)) == (
        "webdataset",
        {"train": [("n00000001", "train/n00000001/n00000001_1.jpg", b"x")]},
    )
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"image": [b"\xff\xd8\xff1", b"2"], "label": [1, 0]})
    (served.folder / "hub").mkdir()
    pq.write_table(table, served.folder / "hub" / "validation-0.parquet")
    raw = open_raw(f"{served.url}/hub")
    assert listed(raw)["val"][0] == ("0", "val/0/val-1.jpg", b"2")


def test_a_server_that_dies_in_mid_read_is_asked_again(served):
    write_tar(served.folder / "raw.tar", tree())
    raw = open_raw(f"{served.url}/raw.tar")
    source = raw.splits["train"][4]
    served.plan = ["die", 500]
    assert read_source(source) == tree()[source.name]
    served.plan = ["die"] * 9
    served.asked.clear()
    with pytest.raises(
        RawError, match=r"raw\.tar: cannot be fetched \(\w+\); check .* \(4 attempts"
    ):
        read_source(source)
    assert len(served.asked) == 4


def test_a_server_that_is_gone_is_one_sentence(tmp_path):
    with serving(tmp_path) as server:
        url = server.url
    with pytest.raises(RawError, match=r"raw\.zip: .*; check .*"):
        open_raw(f"{url}/raw.zip")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(403, "the server refuses it"), (401, "the server refuses it"), (404, "no such file there")],
)
def test_what_is_refused_is_not_asked_again_and_secrets_are_not_shown(served, status, sentence):
    write_tar(served.folder / "raw.tar", tree())
    address = served.url.replace("http://", "http://user:secret1@")
    raw = open_raw(f"{address}/raw.tar?signature=secret2")
    assert "secret" not in str(raw.root)
    source = raw.splits["train"][0]
    assert "secret" not in source.path
    served.asked.clear()
    served.plan = [status] * 9
    with pytest.raises(RawError, match=rf"/raw\.tar: {sentence}") as caught:
        read_source(source)
    assert "secret" not in str(caught.value)
    assert len(served.asked) == 1


def test_a_server_without_ranges_is_told(tmp_path):
    write_tar(tmp_path / "raw.tar", tree())
    sentence = pytest.raises(RawError, match="sends whole files where a part is asked for")
    with serving(tmp_path, ranges=False) as server, sentence:
        read_source(open_raw(f"{server.url}/raw.tar").splits["train"][-1])


def test_a_cut_archive_behind_a_url_is_refused(served):
    write_tar(served.folder / "raw.tar", tree())
    data = (served.folder / "raw.tar").read_bytes()
    (served.folder / "raw.tar").write_bytes(data[:3000])
    with pytest.raises(RawError, match=r"raw\.tar: cut short at 3,000 bytes"):
        open_raw(f"{served.url}/raw.tar")


@pytest.mark.parametrize(
    "url", ["pipe:cat secret.tar", "file:///etc/passwd", "ftp://host/x.tar", "memory://x", "x://"]
)
def test_other_schemes_are_refused(url):
    with pytest.raises(RawError, match="is no scheme that is read; give a path, or a URL of http"):
        open_raw(url)


def test_layouts_that_need_the_disk_say_so(served):
    write_folders(served.folder / "some", {"README": b""})
    write_tar(served.folder / "raw.tar", tree())
    with pytest.raises(RawError, match="holds README, which is no layout that is read from a URL"):
        open_raw(f"{served.url}/some")
    with pytest.raises(RawError, match="layout kaggle is not read from this URL, only"):
        open_raw(f"{served.url}/raw.tar", "kaggle")


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(urls, "find_spec", lambda name: None)
    with pytest.raises(RawError, match=r'needs the package fsspec; .*"alexkit\[remote\]"'):
        open_raw("s3://bucket/raw.tar")


@pytest.mark.parametrize("form", ["raw.tar", "raw.zip", "raw"])
def test_a_set_in_a_bucket_gives_the_sources_of_the_folders(tmp_path, bucket, form):
    files = tree()
    local = open_raw(write_folders(tmp_path / "raw", files))
    if form == "raw":
        for name, data in files.items():
            (tmp_path / "one").write_bytes(data)
            transfer.upload(tmp_path / "one", f"{bucket}/raw/{name}")
    else:
        path = (write_tar if form == "raw.tar" else write_zip)(tmp_path / form, files)
        transfer.upload(path, f"{bucket}/{form}")
    raw = open_raw(f"{bucket}/{form}")
    assert listed(raw) == listed(local)
    if form == "raw":
        assert all(source.size >= 0 for source in raw.splits["train"])


def test_what_is_not_in_the_bucket_is_told(bucket):
    for url in (f"{bucket}/other.tar", f"{bucket}/empty", "s3://no-such-bucket/raw.tar"):
        with pytest.raises(RawError, match=r"no such file there|there is no file"):
            open_raw(url)
