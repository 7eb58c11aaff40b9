"""--overwrite: the set that is there goes, foreign files stay, and the new set is as if alone."""

import dataclasses

import pytest

from alexprep.building import overwrite as overwrite_module
from alexprep.building.build import build
from alexprep.building.overwrite import overwrite
from alexprep.errors import DiskError, ShardError
from alexprep.files import lock_directory
from alexprep.measuring.measure import measure
from alexprep.shards.manifest import MANIFEST, WORK
from alexprep.shards.statistics import STATISTICS
from tests.alexprep.commands import run
from tests.alexprep.sets import SETTINGS, contents, plan_of
from tests.alexprep.stops import begun

OTHER = dataclasses.replace(SETTINGS, quality=80, shard_size=20)
FOREIGN = {"notes.txt": b"mine", "train-900000.tar.bak": b"mine too", "more/train-000000.tar": b"x"}


def add_foreign(target):
    for name, data in FOREIGN.items():
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes(data)


@pytest.mark.parametrize("finished", [False, True])
def test_only_what_belongs_to_the_set_is_removed(raw, target, tmp_path, monkeypatch, finished):
    plan = plan_of(raw)
    if finished:
        build(plan, target, jobs=1)
        measure(target).save(target / STATISTICS)
    else:
        begun(plan, target, monkeypatch)
        # a shard whose record was not yet written when the run was killed
        (target / WORK / "train-000001.json").unlink()
    add_foreign(target)
    other = plan_of(raw, OTHER)
    assert overwrite(target, other) == (6 + 2 + 4 if finished else 2)
    assert {
        name: data for name, data in FOREIGN.items() if (target / name).read_bytes() != data
    } == {}
    assert sorted(contents(target)) == sorted([".work/begun.json", *FOREIGN])
    build(other, target, jobs=1)
    build(other, tmp_path / "alone", jobs=1)
    found = contents(target)
    assert {name: found[name] for name in found if name not in FOREIGN} == contents(
        tmp_path / "alone"
    )


@pytest.mark.parametrize("removals", [0, 1, 5])
def test_an_interrupted_removal_is_gone_on_with(raw, target, monkeypatch, removals):
    build(plan_of(raw), target, jobs=1)
    names = overwrite_module._names
    stop = iter(range(removals))

    def interrupted(path):
        for name in names(path):
            if next(stop, None) is None:
                raise KeyboardInterrupt
            yield name

    monkeypatch.setattr(overwrite_module, "_names", interrupted)
    with pytest.raises(KeyboardInterrupt):
        overwrite(target, plan_of(raw, OTHER))
    assert not (target / MANIFEST).exists()  # never a manifest of what is no longer there
    monkeypatch.setattr(overwrite_module, "_names", names)
    assert overwrite(target, plan_of(raw, OTHER)) == 11 - removals
    assert sorted(contents(target)) == [".work/begun.json"]


def test_what_is_no_set_or_cannot_be_believed_is_left(raw, target):
    assert overwrite(target, plan_of(raw)) == 0
    target.mkdir()
    (target / "thesis.tex").write_text("x")
    with pytest.raises(ShardError, match=r"there is thesis\.tex"):
        overwrite(target, plan_of(raw))
    (target / "thesis.tex").unlink()
    build(plan_of(raw), target, jobs=1)
    (target / MANIFEST).write_bytes((target / MANIFEST).read_bytes().replace(b"wnid", b"wmid"))
    before = contents(target)
    with pytest.raises(ShardError, match="was changed after it was written"):
        overwrite(target, plan_of(raw))
    assert contents(target) == before
    with lock_directory(target), pytest.raises(DiskError, match="another run is writing"):
        overwrite(target, plan_of(raw))


@pytest.mark.parametrize("name", ["../raw/x.tar", "/etc/x.tar", "notes.txt"])
def test_names_that_lead_elsewhere_are_refused(raw, target, monkeypatch, name):
    begun(plan_of(raw), target, monkeypatch)
    path = target / WORK / "begun.json"
    path.write_text(path.read_text().replace("train-000003.tar", name))
    with pytest.raises(ShardError, match="is no name of a shard"):
        overwrite(target, plan_of(raw))


def test_the_command_says_what_it_removed(raw, tmp_path):
    common = ["shard", raw, tmp_path / "s", "--size", 32, "--jobs", 1]
    assert run(*common).exit_code == 0
    refused = run(*common, "--quality", 80)
    assert "quality 95 and 80" in refused.output
    result = run(*common, "--quality", 80, "--overwrite")
    assert result.exit_code == 0, result.output
    assert f"Removed: 7 files of the set that {tmp_path / 's'} held\n" in result.output
    assert run("verify", tmp_path / "s").exit_code == 0
    dry = run(*common, "--overwrite", "--dry-run")
    assert "Removed" not in dry.output
