"""Shards back to a folder tree, and never out of it."""

import pytest

from alexprep.building.build import build
from alexprep.errors import DiskError, ShardError
from alexprep.exchange import extract as module
from alexprep.exchange.extract import extract, plain_name
from alexprep.shards.reader import ShardReader
from alexprep.shards.sample import escape
from tests.alexprep.commands import run
from tests.alexprep.sets import contents, plan_of


@pytest.fixture
def made(raw, target):
    build(plan_of(raw), target, jobs=1)
    return target


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_tree_is_that_of_the_raw_set_with_the_stored_bytes(raw, made, tmp_path):
    assert extract(made, tmp_path / "out", jobs=2) == 36
    assert files(tmp_path / "out") == sorted(name.replace(".JPEG", ".jpg") for name in files(raw))
    reader = ShardReader(made, "val")
    for number in range(len(reader)):
        path = tmp_path / "out" / "val" / f"{reader.key(number)}.jpg"
        assert path.read_bytes() == reader.read(number)


@pytest.mark.parametrize("name", ["a.b", "kit fox", "señorita", "50%", "a%2", "%%", "x" * 80])
def test_names_come_back(name):
    assert plain_name(escape(name)) == name


@pytest.mark.parametrize(
    "name", ["..", ".", ".hidden", "../x", "/etc/passwd", "a/b", "a\\b", "C:", "\n", "%2E", "a\0"]
)
def test_names_that_would_leave_or_hide_stay_escaped(name):
    assert plain_name(escape(name)) == escape(name)


def test_two_keys_never_meet():
    names = ["a.b", "a%2Eb", "a%252Eb", ".a", "%2Ea", "a/b", "a%2Fb", "%2F", "/"]
    assert len({plain_name(escape(name)) for name in names}) == len(names)


def test_nothing_is_written_outside_whatever_the_files_are_called(raw, tmp_path):
    odd = raw / "train" / "n00000001" / "x%2F..%2F..%2Fy.z.JPEG"
    (raw / "train/n00000001/train_0_0.JPEG").rename(odd)
    build(plan_of(raw), tmp_path / "shards", jobs=1)
    before = contents(tmp_path / "shards")
    extract(tmp_path / "shards", tmp_path / "out" / "deep", jobs=1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["deep"]
    assert len(files(tmp_path / "out/deep")) == 36
    assert contents(tmp_path / "shards") == before


def test_an_interrupted_run_continues(made, tmp_path, monkeypatch):
    original, written = module._write_image, []

    def few(path, data):
        if len(written) == 20:
            raise KeyboardInterrupt
        written.append(path)
        original(path, data)

    monkeypatch.setattr(module, "_write_image", few)
    with pytest.raises(KeyboardInterrupt):
        extract(made, tmp_path / "out", jobs=1)
    monkeypatch.setattr(module, "_write_image", original)
    extract(made, tmp_path / "out", jobs=1)
    extract(made, tmp_path / "whole", jobs=1)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_folder_that_is_not_empty_is_refused(made, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("all of it")
    with pytest.raises(DiskError, match=r"out: is not empty \(there is thesis.txt\)"):
        extract(made, tmp_path / "out")
    assert files(tmp_path / "out") == ["thesis.txt"]


def test_a_folder_begun_from_other_shards_is_refused(made, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / module.BEGUN).write_text("0" * 64)
    with pytest.raises(DiskError, match="was begun from other shards"):
        extract(made, tmp_path / "out")


def test_changed_shards_are_refused(made, tmp_path):
    path = made / "train-000001.tar"
    data = bytearray(path.read_bytes())
    data[700] ^= 1
    path.write_bytes(data)
    with pytest.raises(ShardError, match=r"train-000001.tar: was changed"):
        extract(made, tmp_path / "out")


def test_the_command_counts_what_it_wrote(made, tmp_path):
    result = run("extract", made, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "36 images of 3 classes in train and val" in result.output
