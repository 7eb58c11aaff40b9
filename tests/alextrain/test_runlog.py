"""The log of a run: complete, readable while it is written, and the same after an interruption."""

import csv
import json
import shutil
import warnings
from contextlib import closing, suppress

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from alexprep.errors import AlexError, DiskError
from alextrain.training.logged import LOG, read_epochs, read_log, read_rates
from alextrain.training.runlog import EPOCHS, RunLog

STEPS_AN_EPOCH = 4


def train(log, first, last):
    """Log steps first..last as a run would: numbers that belong to the step alone."""
    for step in range(first, last + 1):
        log.step(step, {"loss": 1 / step, "learning_rate": 0.01})
        if step % STEPS_AN_EPOCH == 0:
            log.epoch(step // STEPS_AN_EPOCH, step, {"val_loss": 2 / step, "seconds": 1.5})


def without_times(rows):
    return [{name: value for name, value in row.items() if name != "time"} for row in rows]


def scalars(folder):
    board = EventAccumulator(str(folder / "tensorboard"), purge_orphaned_data=True).Reload()
    return {
        tag: [(event.step, event.value) for event in board.Scalars(tag)]
        for tag in board.Tags()["scalars"]
    }


def table(folder):
    with (folder / EPOCHS).open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def uninterrupted(tmp_path):
    with closing(RunLog(tmp_path / "whole")) as log:
        train(log, 1, 12)
    return tmp_path / "whole"


@pytest.mark.parametrize(("saved", "died"), [(6, 11), (8, 8), (3, 12)])
def test_a_resumed_log_says_what_an_uninterrupted_one_says(tmp_path, uninterrupted, saved, died):
    with closing(RunLog(tmp_path / "cut")) as log:
        train(log, 1, died)
        log.event("the power went")  # beyond what was saved, unless died == saved
    with closing(RunLog(tmp_path / "cut", resume_step=saved)) as log:
        train(log, saved + 1, 12)
    resumed = [row for row in read_log(tmp_path / "cut") if row["kind"] in ("step", "epoch")]
    assert without_times(resumed) == without_times(read_log(uninterrupted))
    assert scalars(tmp_path / "cut") == scalars(uninterrupted)
    assert without_times(table(tmp_path / "cut")) == without_times(table(uninterrupted))


def test_every_step_is_a_line_and_a_scalar(uninterrupted):
    steps = [row for row in read_log(uninterrupted) if row["kind"] == "step"]
    assert [(row["step"], row["loss"]) for row in steps] == [(s, 1 / s) for s in range(1, 13)]
    assert set(scalars(uninterrupted)) == {
        "step/loss",
        "step/learning_rate",
        "epoch/val_loss",
        "epoch/seconds",
    }
    points = scalars(uninterrupted)["epoch/val_loss"]
    assert points == [(4, 0.5), (8, 0.25), (12, pytest.approx(1 / 6))]


def test_epochs_are_read_back_in_order_and_stand_in_the_table(uninterrupted):
    epochs = read_epochs(uninterrupted)
    assert [(row["epoch"], row["step"], row["val_loss"]) for row in epochs] == [
        (1, 4, 2 / 4),
        (2, 8, 2 / 8),
        (3, 12, 2 / 12),
    ]
    lines = table(uninterrupted)
    assert [(int(row["epoch"]), float(row["val_loss"])) for row in lines] == [
        (row["epoch"], row["val_loss"]) for row in epochs
    ]


def test_an_epoch_that_ended_twice_counts_once(tmp_path):
    for loss in (0.5, 0.4):  # the first run was killed before it saved a checkpoint
        with closing(RunLog(tmp_path, resume_step=4)) as log:
            log.epoch(1, 4, {"val_loss": loss})
    assert [(row["epoch"], row["val_loss"]) for row in read_epochs(tmp_path)] == [(1, 0.4)]
    assert [row["val_loss"] for row in table(tmp_path)] == ["0.4"]


def test_a_new_run_in_a_used_folder_starts_an_empty_log(uninterrupted):
    before = (uninterrupted / LOG).read_text()
    old = {"kind": "event", "step": 0, "text": "begun"}
    (uninterrupted / LOG).write_text(f"{json.dumps(old)}\ndamaged\n{before}")
    with closing(RunLog(uninterrupted)) as log:
        train(log, 1, 2)
    assert [row["step"] for row in read_log(uninterrupted)] == [1, 2]
    assert scalars(uninterrupted)["step/loss"] == [(1, 1.0), (2, 0.5)]
    assert scalars(uninterrupted)["epoch/val_loss"] == []
    assert not (uninterrupted / EPOCHS).exists()


def test_a_line_can_be_read_before_the_log_is_closed(tmp_path):
    with closing(RunLog(tmp_path)) as log:
        log.step(1, {"loss": 2.5})
        assert read_log(tmp_path)[0]["loss"] == 2.5


def test_an_event_stands_at_the_step_it_came_after(tmp_path):
    with closing(RunLog(tmp_path)) as log:
        log.event("begun")
        log.step(7, {"loss": 1.0})
        log.event("saved last.pt")
    with closing(RunLog(tmp_path, resume_step=7)) as log:
        log.event("resumed")
    events = [(r["step"], r["text"]) for r in read_log(tmp_path) if r["kind"] == "event"]
    assert events == [(0, "begun"), (7, "saved last.pt"), (7, "resumed")]


def test_every_line_is_strict_json_even_where_a_number_is_not_one(tmp_path):
    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    with closing(RunLog(tmp_path)) as log:
        log.step(1, {"loss": float("nan"), "top": float("inf"), "val": None, "rate": 0.1})
    (line,) = (tmp_path / LOG).read_text().splitlines()
    row = json.loads(line, parse_constant=refuse)
    assert (row["loss"], row["top"], row["val"], row["rate"]) == (None, None, None, 0.1)


def test_a_half_written_last_line_is_left_out_and_the_log_goes_on_whole(tmp_path):
    with closing(RunLog(tmp_path)) as log:
        train(log, 1, 3)
    with (tmp_path / LOG).open("a") as file:
        file.write('{"kind": "step", "st')
    assert [row["step"] for row in read_log(tmp_path)] == [1, 2, 3]
    with closing(RunLog(tmp_path, resume_step=3)) as log:
        train(log, 4, 4)
    assert [row["step"] for row in read_log(tmp_path)] == [1, 2, 3, 4, 4]


@pytest.mark.parametrize(
    "damage",
    [
        "not json",
        '{"kind": "step"}',
        "[1]",
        '{"kind": "step", "step": 1e999}',
        '{"kind": "epoch", "step": 4}',
        '{"kind": "epoch", "step": 4, "epoch": 1, "val_top1_error": "none"}',
    ],
)
def test_a_damaged_line_is_named(tmp_path, uninterrupted, damage):
    path = uninterrupted / LOG
    lines = path.read_text().splitlines()
    lines[1] = damage
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(AlexError, match=r"log\.jsonl, line 2: not a line of a run's log; move the"):
        read_epochs(uninterrupted)
    with pytest.raises(AlexError, match="line 2"):
        RunLog(uninterrupted, resume_step=8)
    assert path.read_text().splitlines()[1] == damage  # nothing was written over


def test_a_folder_that_is_removed_under_a_run_is_one_sentence(tmp_path, capsys):
    log = RunLog(tmp_path / "run")
    train(log, 1, 3)
    while (tmp_path / "run").exists():  # TensorBoard's thread may be about to make its file
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
    with pytest.raises(DiskError, match=r"cannot be written \(No such file or directory\)"):
        train(log, 4, 4)
    with suppress(DiskError):
        log.close()
    assert "Traceback" not in capsys.readouterr().err


def test_a_folder_without_a_log_has_no_epochs(tmp_path):
    assert read_epochs(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiskError, match=r"file/run: cannot be written"):
        RunLog(tmp_path / "file" / "run")


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, x):
        x = self.norm(self.conv(x))
        if len(x) > 1:  # what the tracer warns of
            x = self.drop(x)
        return x.mean((1, 2, 3))


def graphs(folder):
    events = EventAccumulator(str(folder / "tensorboard"), purge_orphaned_data=False).Reload()
    return events.Graph() if events.Tags()["graph"] else None


def test_the_graph_is_drawn_without_a_trace_in_the_run(tmp_path):
    torch.manual_seed(3)
    net, example = Net().train(), torch.randn(2, 3, 8, 8)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    random = torch.get_rng_state()
    with closing(RunLog(tmp_path)) as log:
        log.graph(net, example)
        log.graph(net, example)
    assert any("conv" in node.name for node in graphs(tmp_path).node)
    assert net.training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_a_resumed_run_draws_no_second_graph(tmp_path):
    with closing(RunLog(tmp_path, resume_step=5)) as log:
        log.graph(Net(), torch.randn(2, 3, 8, 8))
    assert graphs(tmp_path) is None


def test_a_net_that_cannot_be_traced_costs_an_event_and_not_the_run(tmp_path, capsys):
    with closing(RunLog(tmp_path)) as log:
        log.graph(Net(), torch.randn(2, 5, 8, 8))
        log.step(1, {"loss": 1.0})
    event, step = read_log(tmp_path)
    assert event["text"].startswith("the net's graph could not be drawn: ")
    assert step["loss"] == 1.0
    assert capsys.readouterr().out == ""


def test_only_the_tracers_own_warnings_are_silenced(tmp_path):
    class Warns(Net):
        def forward(self, x):
            warnings.warn("mine", UserWarning, stacklevel=1)
            return super().forward(x)

    with closing(RunLog(tmp_path)) as log, pytest.warns(UserWarning, match="mine"):
        log.graph(Warns(), torch.randn(2, 3, 8, 8))


def test_rates_of_steps_stand_at_the_epochs_done(tmp_path):
    with closing(RunLog(tmp_path)) as log:
        for step, rate in enumerate([0.1, 0.2, 0.3, float("nan"), 0.5, 0.6, 0.7, 0.8], 1):
            log.step(step, {"rate": rate})
            if step % STEPS_AN_EPOCH == 0:
                log.epoch(step // STEPS_AN_EPOCH, step, {"seconds": 1.5})
    places, rates = zip(*read_rates(tmp_path), strict=True)
    assert places == (0.25, 0.5, 0.75, 1.25, 1.5, 1.75, 2.0)
    assert rates == (0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8)
