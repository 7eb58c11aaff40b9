"""Parts made side by side in one folder, and merged: what one machine makes, byte for byte."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from alexprep.building.build import build
from alexprep.building.merge import merge
from alexprep.building.parts import Part, hold_part, read_part
from alexprep.errors import DiskError, SettingsError, ShardError
from alexprep.files import lock_directory
from alexprep.shards.manifest import MANIFEST, WORK
from tests.alexprep.sets import PATHS, SETTINGS, contents, make_killer, make_raw, marks, plan_of


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    raw = make_raw(tmp_path_factory.mktemp("raw") / "raw")
    (raw / "train" / "n00000002" / "train_1_5.JPEG").write_bytes(b"no image")
    return raw


@pytest.fixture(scope="module")
def whole(raw, tmp_path_factory):
    target = tmp_path_factory.mktemp("whole") / "shards"
    build(plan_of(raw), target, jobs=1, measured=["train"])
    return contents(target)


@pytest.mark.parametrize("of", [1, 2, 3, 6, 9])
def test_parts_in_any_order_merge_to_what_one_machine_makes(raw, whole, tmp_path, of):
    target = tmp_path / "shards"
    plan = plan_of(raw)
    for number in np.random.default_rng(of).permutation(of):
        summary = build(plan, target, jobs=1, part=Part(int(number) + 1, of), measured=["train"])
        assert summary.written == len(range(number, 6, of))
        assert not (target / MANIFEST).exists()
    merged = merge(target, measured=["train"])
    assert (merged.written, merged.images, merged.exit_code) == (6, 35, 3)
    assert contents(target) == whole
    assert not (target / WORK).exists()


def test_a_part_reports_its_own_shards(raw, tmp_path):
    plan = plan_of(raw)
    summaries = [build(plan, tmp_path / "s", jobs=1, part=Part(n, 3)) for n in (1, 2, 3)]
    assert sum(summary.images for summary in summaries) == 35
    assert sum(summary.skipped for summary in summaries) == 1
    assert sorted(summary.exit_code for summary in summaries) == [0, 0, 3]
    again = build(plan, tmp_path / "s", jobs=1, part=Part(2, 3))
    assert (again.written, again.kept, again.images) == (0, 2, summaries[1].images)


def test_parts_made_at_the_same_time_do_not_meet(raw, whole, tmp_path):
    plan, target = plan_of(raw), tmp_path / "shards"

    def make(number):
        return build(plan, target, jobs=1, part=Part(number, 4), measured=["train"]).images

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(make, (1, 2, 3, 4))) == 35
    merge(target, measured=["train"])
    assert contents(target) == whole


COMMAND = (
    "import sys; from pathlib import Path; from tests.alexprep.sets import plan_of;"
    "from alexprep.building.build import build; from alexprep.building.parts import read_part;"
    "build(plan_of(Path(sys.argv[1])), Path(sys.argv[2]), jobs=1, measured=['train'],"
    " part=read_part(sys.argv[3]))"
)


def start(raw, target, part, slow=0.1):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(raw), str(target), part],
        env=os.environ | {"PYTHONPATH": PATHS, "TEST_HOOKS": "1", "TEST_SLOW": str(slow)},
    )


def test_a_part_that_is_killed_and_made_again_costs_the_others_nothing(raw, whole, tmp_path):
    target, plan = tmp_path / "shards", plan_of(raw)
    process = start(raw, target, "2/2")
    while not list((target / WORK).glob("run-part-2-of-2-*")):
        assert process.poll() is None
        time.sleep(0.02)
    build(plan, target, jobs=1, part=Part(1, 2), measured=["train"])  # beside it
    with pytest.raises(DiskError, match="another run is making part 2/2"):
        build(plan, target, jobs=1, part=Part(2, 2))
    with pytest.raises(DiskError, match="another run is writing"):
        build(plan, target, jobs=1)
    with pytest.raises(DiskError, match="another run is writing"):
        merge(target)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(ShardError, match=r"not made yet .*run their parts again: --part 2/2, and"):
        merge(target)
    done = marks(target)
    build(plan, target, jobs=1, part=Part(2, 2), measured=["train"])
    merge(target, measured=["train"])
    assert marks(target).items() >= done.items()
    assert contents(target) == whole


def test_an_image_that_killed_a_part_is_tried_alone_by_the_part_that_it_killed(tmp_path):
    raw = make_raw(tmp_path / "raw")
    make_killer(raw / "train" / "n00000001" / "train_0_3.JPEG")  # in shard 3: of part 2/2
    target = tmp_path / "shards"
    assert start(raw, target, "2/2", slow=0).wait() == -signal.SIGSEGV
    assert start(raw, target, "1/2", slow=0).wait() == 0
    assert start(raw, target, "2/2", slow=0).wait() == 0
    assert merge(target).skipped == 1


def test_what_is_missing_is_named_with_the_part_that_makes_it(raw, tmp_path):
    target = tmp_path / "shards"
    for number in (1, 3):
        build(plan_of(raw), target, jobs=1, part=Part(number, 4))
    with pytest.raises(ShardError) as error:
        merge(target)
    assert "3 of 6 shards are not made yet (train-000001, train-000003, val-000001)" in str(
        error.value
    )
    assert "--part 2/4, --part 4/4, and merge again" in str(error.value)
    for number in (2, 4):
        build(plan_of(raw), target, jobs=1, part=Part(number, 4))
    (target / "val-000000.tar").write_bytes(b"half")
    with pytest.raises(ShardError, match=r"\(val-000000\); run their parts again: --part 1/4"):
        merge(target)


def test_a_source_that_changed_between_the_parts_makes_its_shard_missing(tmp_path):
    raw, target = make_raw(tmp_path / "raw"), tmp_path / "shards"
    build(plan_of(raw), target, jobs=1, part=Part(1, 2))
    changed = plan_of(raw).tasks[0].samples[0].source
    (raw / changed.name).write_bytes((raw / changed.name).read_bytes() + b"trailing")
    build(plan_of(raw), target, jobs=1, part=Part(2, 2))
    with pytest.raises(ShardError, match=r"train-000000\); run their parts again: --part 1/2"):
        merge(target)


def test_a_whole_run_finishes_what_parts_began_and_parts_what_a_whole_run_began(
    raw, whole, tmp_path
):
    build(plan_of(raw), tmp_path / "a", jobs=1, part=Part(1, 3))
    build(plan_of(raw), tmp_path / "a", jobs=1, measured=["train"])
    assert contents(tmp_path / "a") == whole
    summary = build(plan_of(raw), tmp_path / "a", jobs=1, part=Part(1, 3))
    assert (summary.written, summary.kept) == (0, 2)
    assert contents(tmp_path / "a") == whole
    assert merge(tmp_path / "a").written == 0


def test_a_finished_set_is_not_reopened_by_a_part(tmp_path):
    raw, target = make_raw(tmp_path / "raw"), tmp_path / "shards"
    build(plan_of(raw), target, jobs=1)
    before = contents(target)
    (target / "train-000001.tar").unlink()
    with pytest.raises(ShardError, match="is finished, and 1 of its shards would be made anew"):
        build(plan_of(raw), target, jobs=1, part=Part(2, 2))
    assert contents(target).items() <= before.items()


def test_parts_of_other_settings_are_refused(raw, tmp_path):
    build(plan_of(raw), tmp_path / "s", jobs=1, part=Part(1, 2))
    other = plan_of(raw, type(SETTINGS)(size=40, shard_size=6))
    with pytest.raises(ShardError, match="size 32 and 40"):
        build(other, tmp_path / "s", jobs=1, part=Part(2, 2))


def test_there_is_nothing_to_merge_where_no_part_was_made(tmp_path):
    (tmp_path / "s").mkdir()
    with pytest.raises(ShardError, match="holds no shards that were made in parts"):
        merge(tmp_path / "s")
    with pytest.raises(ShardError, match="no such folder"):
        merge(tmp_path / "t")


def test_a_part_is_not_rechecked(raw, tmp_path):
    with pytest.raises(SettingsError, match="cannot be rechecked"):
        build(plan_of(raw), tmp_path / "s", jobs=1, part=Part(1, 2), recheck=True)


def test_the_last_part_takes_the_lock_away(tmp_path):
    with hold_part(tmp_path, Part(1, 2)):
        with hold_part(tmp_path, Part(2, 2)):
            pass
        with pytest.raises(DiskError), lock_directory(tmp_path):
            pass
    assert [path.name for path in tmp_path.iterdir()] == [WORK]


SLURM = {
    "ARRAY_TASK_MIN": "0",
    "ARRAY_TASK_MAX": "6",
    "ARRAY_TASK_COUNT": "4",
    "ARRAY_TASK_STEP": "2",
    "PROCID": "0",  # what a batch script sees
    "NTASKS": "8",
}


@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({**SLURM, "ARRAY_TASK_ID": "0"}, "1/4"),
        ({**SLURM, "ARRAY_TASK_ID": "6"}, "4/4"),
        ({"STEP_ID": "0", "PROCID": "5", "NTASKS": "8"}, "6/8"),
        ({**SLURM, "ARRAY_TASK_ID": "2", "STEP_ID": "0", "PROCID": "7"}, "16/32"),
    ],
)
def test_slurm_s_variables_say_which_part_this_is(variables, part):
    environment = {f"SLURM_{name}": value for name, value in variables.items()}
    assert str(read_part("slurm", environment)) == part


@pytest.mark.parametrize(
    ("text", "variables", "said"),
    [
        ("3", {}, "write 3/16"),
        ("0/4", {}, "no part 0/4"),
        ("5/4", {}, "no part 5/4"),
        ("slurm", {}, "SLURM_ARRAY_TASK_MIN is ''"),
        ("slurm", {"PROCID": "0", "NTASKS": "8"}, "needs an array job or srun"),
        (  # one task of an array submitted again: it would take itself for the whole
            "slurm",
            {**SLURM, "ARRAY_TASK_MIN": "2", "ARRAY_TASK_MAX": "2", "ARRAY_TASK_COUNT": "1"},
            "how many parts there are is unknown",
        ),
        ("slurm", {**SLURM, "ARRAY_TASK_MAX": "9"}, "how many parts there are is unknown"),
    ],
)
def test_a_part_that_cannot_be_is_refused(text, variables, said):
    environment = {f"SLURM_{name}": value for name, value in variables.items()}
    with pytest.raises(SettingsError, match=said):
        read_part(text, environment)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "../x.tar"), ("name", None), ("bytes", "x"), ("sha256", "0"), ("offsets", -1)],
)
def test_a_record_that_was_tampered_with_counts_as_none(raw, whole, tmp_path, field, value):
    target = tmp_path / "shards"
    build(plan_of(raw), target, jobs=1, part=Part(1, 1))
    path = target / WORK / "train-000001.json"
    content = json.loads(path.read_bytes())
    if field == "offsets":
        content[field][0] = value
    else:
        content["shard"][field] = value
    path.write_text(json.dumps(content))
    assert build(plan_of(raw), target, jobs=1, measured=["train"]).written == 1
    assert contents(target) == whole
