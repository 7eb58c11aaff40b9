"""Copies of remote tars, and tars to validate on: nothing is trained on that is not what is meant.

What is cut, or is not what the server has, is named; two runs may fetch one tar at the same time.
"""

import tarfile
from threading import Event, Thread

import pytest

from alexprep.errors import RawError, ShardError
from alexprep.remote import transfer
from alextrain.data import tar_cache
from alextrain.data.foreign import Stream
from tests.servers import serving

from .small_tars import FIT, HERE, fit, write_tar


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("alexprep.remote.attempts._FIRST_WAIT", 0.001)
    return tmp_path / "cache" / "tars"


@pytest.fixture
def served(tmp_path):
    (tmp_path / "there").mkdir()
    write_tar(tmp_path / "there" / "t-0.tar", range(9))
    write_tar(tmp_path / "there" / "t-1.tar", range(9, 14))
    with serving(tmp_path / "there") as server:
        server.tars = [f"{server.url}/t-{number}.tar" for number in range(2)]
        yield server


def not_reached(tar):
    raise RawError(f"{tar}: is not reached")


def cut_between_members(path, member):
    with tarfile.open(path) as tar:
        end = tar.getmembers()[member].offset
    with path.open("r+b") as file:
        file.truncate(end)


def test_a_tar_that_is_cut_between_two_members_is_no_shorter_tar(tmp_path):
    path = write_tar(tmp_path / "a.tar", range(9))
    assert len(list(Stream((str(path),)).epoch(0))) == 9
    cut_between_members(path, 6)
    with pytest.raises(ShardError, match=r"a\.tar: is cut or damaged \(there is no end mark\)"):
        list(Stream((str(path),)).epoch(0))


def test_a_copy_that_is_not_as_long_as_the_servers_tar_is_named_before_any_work(
    served, tmp_path, monkeypatch
):
    given = [f"{served.url}/t-{{0..1}}.tar", *FIT, *HERE, "--epochs", 1, "--samples", 14]
    assert fit(*given, "--run", tmp_path / "whole").exit_code == 0
    write_tar(tmp_path / "there" / "t-1.tar", range(9, 30))
    result = fit(*given, "--run", tmp_path / "changed")
    assert result.exit_code == 1
    assert f"Error: {tar_cache.cached(served.tars[1])}: has " in result.output
    assert f"where {served.tars[1]} has " in result.output
    assert "remove the copy, and it is fetched anew" in result.output
    assert not (tmp_path / "changed").exists()
    monkeypatch.setattr(transfer, "size_of", not_reached)
    assert fit(*given, "--run", tmp_path / "alone").exit_code == 0  # the copies are all there is


def test_a_tar_that_ends_before_its_size_leaves_no_copy(served, cache, monkeypatch):
    size = transfer.size_of(served.tars[0])
    monkeypatch.setattr(transfer, "size_of", lambda tar: size + 1)
    with pytest.raises(RawError, match=rf"t-0\.tar: ended at byte {size:,} of the {size + 1:,}"):
        tar_cache.bring(served.tars[0], Event())
    assert not list(cache.glob("*.tar"))


def test_two_runs_that_want_one_tar_fetch_it_once(served, cache, monkeypatch):
    begun, go_on, read = Event(), Event(), transfer.read_range
    asked = []

    def slowly(*arguments):
        asked.append(arguments)
        begun.set()
        go_on.wait(20)
        return read(*arguments)

    monkeypatch.setattr(transfer, "read_range", slowly)
    threads = [Thread(target=tar_cache.bring, args=(served.tars[0], Event())) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert begun.wait(20)
    threads[1].join(0.2)
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    (copy,) = cache.iterdir()
    assert copy.stat().st_size == transfer.size_of(served.tars[0])


@pytest.mark.parametrize("what", ["empty", "trained on", "set"])
def test_tars_to_validate_on_have_images_that_are_not_trained_on(tmp_path, shards, what):
    folder = tmp_path / "tars"
    folder.mkdir()
    write_tar(folder / "t-0.tar", range(9))
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    validation, words = {
        "empty": (tmp_path / "empty.tar", "empty.tar: holds no image; give --val WebDataset tars"),
        "trained on": (folder, "t-0.tar: is to be trained on and validated on"),
        "set": (shards, "is a set of shards, those to train on among them"),
    }[what]
    result = fit(folder, *FIT, *HERE, "--val", validation, "--run", tmp_path / "run")
    assert result.exit_code == 1
    assert words in result.output
    assert "Device:" not in result.output
