import errno
import os

import pytest

from alexprep.errors import DiskError
from alexprep.files import (
    LOCK,
    atomic_file,
    canonical_json,
    check_writable,
    free_bytes,
    lock_directory,
    sha256_file,
    write_atomically,
)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, b"before")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(b"%d" % (1 // (file.write(b"half") - 4)))
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_what_can_be_written_is_seen_beforehand_and_nothing_is_left(tmp_path):
    (tmp_path / "folder").mkdir()
    check_writable(tmp_path / "new.csv")
    for path, reason in (
        (tmp_path / "folder", "a folder has this name"),
        (tmp_path / "nowhere" / "new.csv", "No such file or directory"),
    ):
        with pytest.raises(DiskError, match=f"cannot be written .{reason}"):
            check_writable(path)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_until_it_is_whole_the_file_has_another_name(tmp_path):
    with atomic_file(tmp_path / "a") as file:
        file.write(b"half")
        assert [p.name for p in tmp_path.iterdir()] == [".a.part"]
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "the disk is full; free some space and run the same command again"),
        (errno.EROFS, "cannot be written .* name a folder that you may write to"),
        (errno.EIO, r"cannot be written \(Input/output error\)"),
    ],
)
def test_what_the_disk_refuses_is_one_sentence(tmp_path, number, sentence):
    with pytest.raises(DiskError, match=sentence), atomic_file(tmp_path / "a"):
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_held_by_one_run_at_a_time_and_left_clean(tmp_path):
    with lock_directory(tmp_path):
        second = lock_directory(tmp_path)
        with pytest.raises(DiskError, match="another run is writing to this folder"):
            second.__enter__()
        assert (tmp_path / LOCK).exists()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError), lock_directory(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_a_dead_run_left_does_not_bar_the_next(tmp_path):
    (tmp_path / LOCK).touch()
    with lock_directory(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_canonical_json_does_not_depend_on_the_order_of_keys():
    assert canonical_json({"b": 1, "a": [2]}) == canonical_json({"a": [2], "b": 1})


def test_hashing_tells_of_every_byte(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    heard = []
    digest = sha256_file(tmp_path / "a", heard.append)
    assert sum(heard) == 3_000_000
    assert len(digest) == 64


def test_free_space_is_known_for_a_folder_that_is_not_there_yet(tmp_path):
    assert free_bytes(tmp_path / "not" / "yet") > 0


def test_a_pipe_or_device_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")  # what /dev/stdout is
    for name in ("pipe", "stdout"):
        for write in (check_writable, lambda path: write_atomically(path, b"")):
            with pytest.raises(DiskError, match="a device or pipe has this name"):
                write(tmp_path / name)
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "stdout").is_symlink()
