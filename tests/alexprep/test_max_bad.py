"""--max-bad: so many bad files and no more, whatever the jobs and however often it is run."""

import pytest

from alexprep.building.build import build
from alexprep.errors import BadFilesError
from alexprep.shards.manifest import MANIFEST, WORK
from tests.alexprep.commands import run
from tests.alexprep.pictures import jpeg
from tests.alexprep.sets import contents, marks, plan_of, spoil

BAD = [
    "train/n00000001/train_0_2.JPEG",
    "train/n00000003/train_2_7.JPEG",
    "val/n00000002/val_1_0.JPEG",
]


@pytest.fixture
def bad_raw(raw):
    for name in BAD:
        spoil(raw, name)
    return raw


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_bad_file_too_many_ends_the_run_and_just_as_many_do_not(bad_raw, target, jobs):
    plan = plan_of(bad_raw)
    with pytest.raises(BadFilesError, match=r"3 bad files, more than --max-bad 2 \(not an image"):
        build(plan, target, jobs=jobs, max_bad=2)
    assert not (target / MANIFEST).exists()
    before = marks(target)
    assert before
    assert list((target / WORK).glob("run-*")) == []
    summary = build(plan, target, jobs=jobs, max_bad=3)
    assert (summary.skipped, summary.exit_code) == (3, 3)
    assert summary.kept == len(before)
    assert marks(target).items() >= before.items()


def test_the_same_command_again_does_no_work_until_files_are_mended(bad_raw, target, tmp_path):
    for _ in range(3):
        with pytest.raises(BadFilesError, match="1 bad file"):
            build(plan_of(bad_raw), target, jobs=1, max_bad=0)
        assert len(marks(target)) in (1, 2)  # where the first bad file lies
    for name in BAD:
        (bad_raw / name).write_bytes(jpeg(seed=3))
    plan = plan_of(bad_raw)
    assert build(plan, target, jobs=1, max_bad=0).skipped == 0
    build(plan, tmp_path / "anew", jobs=1)
    assert contents(target) == contents(tmp_path / "anew")


def test_a_finished_set_with_too_many_is_not_passed_either(bad_raw, target):
    build(plan_of(bad_raw), target, jobs=1)
    before = contents(target)
    with pytest.raises(BadFilesError, match="3 bad files"):
        build(plan_of(bad_raw), target, jobs=1, max_bad=1)
    assert contents(target) == before


def test_the_command_says_it_in_one_line_with_status_1(bad_raw, tmp_path):
    result = run("shard", bad_raw, tmp_path / "s", "--size", 32, "--jobs", 1, "--max-bad", 0)
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert "not an image (text): train/n0000000" in line
    assert line.endswith("repair or remove them, or allow more: finished shards are kept")
