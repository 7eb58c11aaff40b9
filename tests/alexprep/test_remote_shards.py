"""Shards behind URLs: copied whole and checked, uploaded with the manifest last."""

import shutil

import pytest
from click.testing import CliRunner

from alexprep.cli import main
from alexprep.errors import RawError, ShardError
from alexprep.remote import attempts, transfer
from alexprep.shards.fetched import CACHE, copy_folder, fetch
from alexprep.shards.manifest import MANIFEST, Manifest
from alexprep.upload import upload
from alextrain.cli import main as alextrain
from tests.alexprep.sets import contents, make_raw
from tests.servers import serving

pytest.importorskip("aiohttp")


def run(*arguments, status=0, program=main):
    result = CliRunner().invoke(program, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return result.output


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    top = tmp_path_factory.mktemp("made")
    make_raw(top / "raw", train=6, val=3)
    run("shard", top / "raw", top / "shards", "--size", 72, "--shard-size", 6, "-j", 1, "--stats")
    return top / "shards"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(attempts, "_FIRST_WAIT", 0.001)


@pytest.fixture
def served(made, tmp_path):
    shutil.copytree(made, tmp_path / "served" / "set")
    with serving(tmp_path / "served") as server:
        server.folder = tmp_path / "served" / "set"
        yield server


def plain(folder):
    return {name: h for name, h in contents(folder).items() if not name.startswith("figures")}


def test_a_copy_is_the_set_and_is_made_once(served, made):
    url = f"{served.url}/set"
    folder = fetch(url)
    assert plain(folder) == plain(made)
    served.asked.clear()
    assert fetch(url) == folder
    assert not any("tar" in path for path, _ in served.asked)


def test_commands_of_both_programs_take_a_url(served, made, tmp_path):
    url = f"{served.url}/set"
    fingerprint = Manifest.load(made).fingerprint
    assert fingerprint in run("info", url)
    assert not copy_folder(url).exists()
    assert f"fingerprint {fingerprint}" in run("verify", url)
    assert "mean" in run("stats", url, "-j", 1)
    options = ("--recipe", "quick", "--width", 0.05, "--crop", 67, "--epochs", 1)
    run("fit", url, *options, "--device", "cpu", "--run", tmp_path / "run", program=alextrain)
    assert (tmp_path / "run" / "last.pt").is_file()


def test_a_copy_that_was_interrupted_is_continued_and_never_looks_whole(served):
    url = f"{served.url}/set"
    served.plan = [None] * 6 + ["die"] * 40
    with pytest.raises(RawError, match="cannot be fetched"):
        fetch(url)
    served.plan = []
    folder = copy_folder(url)
    assert not (folder / MANIFEST).exists()
    there = {path.name for path in folder.glob("*.tar")}
    served.asked.clear()
    fetch(url)
    assert not any(path.rpartition("/")[2] in there for path, _ in served.asked)
    assert not list(folder.glob(".*"))


def test_a_file_that_is_not_the_one_of_the_manifest_is_refused(served):
    path = served.folder / "train-000001.tar"
    data = bytearray(path.read_bytes())
    data[700] ^= 1
    path.write_bytes(data)
    with pytest.raises(ShardError, match=r"train-000001\.tar: is not the file that the manifest"):
        fetch(f"{served.url}/set")
    folder = copy_folder(f"{served.url}/set")
    assert not (folder / MANIFEST).exists()
    assert not (folder / path.name).exists()


@pytest.mark.parametrize("how", ["cut", "lost", "index"])
def test_a_copy_that_lost_something_is_made_whole_and_keeps_its_statistics(served, made, how):
    url = f"{served.url}/set"
    (served.folder / "stats.npz").unlink(missing_ok=True)
    folder = fetch(url)
    (folder / "stats.npz").write_bytes(b"measured here")
    path = folder / ("index-train.npz" if how == "index" else "train-000001.tar")
    path.write_bytes(path.read_bytes()[:600])
    if how == "lost":
        path.unlink()
    served.asked.clear()
    assert fetch(url) == folder
    assert path.read_bytes() == (served.folder / path.name).read_bytes()
    assert {name.rpartition("/")[2] for name, _ in served.asked} == {MANIFEST, path.name}
    assert (folder / "stats.npz").read_bytes() == b"measured here"


def test_a_set_that_was_made_anew_replaces_the_copy(served, made, tmp_path):
    url = f"{served.url}/set"
    fetch(url)
    make_raw(tmp_path / "raw", train=5, val=2)
    shutil.rmtree(served.folder)
    run("shard", tmp_path / "raw", served.folder, "--size", 72, "--shard-size", 6, "-j", 1)
    folder = fetch(url)
    manifest = Manifest.load(folder)
    assert manifest.fingerprint == Manifest.load(served.folder).fingerprint
    assert not (folder / "stats.npz").exists()  # those of the set before


def test_where_no_set_is_it_is_told(served):
    (served.folder / MANIFEST).unlink()
    assert "holds no finished set of shards" in run("stats", f"{served.url}/set", status=1)
    assert "holds no finished set of shards" in run("info", f"{served.url}/set", status=1)


def test_no_room_for_a_copy_is_told(served, monkeypatch):
    monkeypatch.setattr("alexprep.shards.fetched.free_bytes", lambda folder: 10)
    assert f"{CACHE}=/folder" in run("verify", f"{served.url}/set", status=1)


def test_shard_to_a_bucket_gives_the_set_there_manifest_last(bucket, tmp_path, monkeypatch):
    make_raw(tmp_path / "raw", train=6, val=3)
    url = f"{bucket}/made/set"
    options = ("--size", 72, "--shard-size", 6, "-j", 1)
    names = []
    original = transfer.upload

    def stop_at_fourth(path, place):
        names.append(path.name)
        if len(names) == 4:
            raise RawError("the network is gone")
        original(path, place)

    monkeypatch.setattr(transfer, "upload", stop_at_fourth)
    assert "the network is gone" in run("shard", tmp_path / "raw", url, *options, status=1)
    assert "holds no finished set" in run("info", url, status=1)
    output = run("shard", tmp_path / "raw", url, *options)
    assert "Uploaded: " in output
    assert names[-1] == MANIFEST
    assert len(set(names[:3]) & set(names[4:])) == 0
    run("shard", tmp_path / "raw", tmp_path / "shards", *options)
    shutil.rmtree(tmp_path / "cache")
    assert plain(fetch(url)) == plain(tmp_path / "shards")
    assert upload(tmp_path / "shards", url) == 0


def test_another_set_is_never_written_over(bucket, made, tmp_path):
    url = f"{bucket}/taken"
    upload(made, url)
    make_raw(tmp_path / "raw", train=3, val=1)
    options = ("--size", 48, "-j", 1)
    assert "holds another finished set" in run("shard", tmp_path / "raw", url, *options, status=1)
    run("shard", tmp_path / "raw", tmp_path / "shards", *options)
    with pytest.raises(ShardError, match="holds another finished set"):
        upload(tmp_path / "shards", url)


def test_what_cannot_be_written_to_is_told_before_the_work(tmp_path):
    make_raw(tmp_path / "raw", train=3, val=1)
    for url in ("https://127.0.0.1:1/set", "hf://datasets/me/set"):
        assert "cannot be written to" in run("shard", tmp_path / "raw", url, status=1)
    assert "is no scheme" in run("shard", tmp_path / "raw", "pipe:cat", status=1)
