"""Progress on the screen: a bar, or lines; times and sizes as people say them."""

import io
import sys

import pytest

from alexprep.cli.progress import Progress, byte_size, duration


def test_progress_is_lines_where_there_is_no_terminal(capsys, monkeypatch):
    clock = iter([0.0, 4.0, 10.0, 15.0, 20.0])
    monkeypatch.setattr("alexprep.cli.progress.time.monotonic", lambda: next(clock))
    with Progress(2000, "images", done=500) as progress:
        for _ in range(4):
            progress.update(100)
    assert capsys.readouterr().err.splitlines() == [
        "700 of 2,000 images, 20 images/s, 1 min 5 s left",
        "900 of 2,000 images, 20 images/s, 55 s left",
    ]


def test_progress_is_a_bar_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with Progress(4000, "images", done=1000) as progress:
        progress.update(2000)
        progress.update(-500)  # a shard is begun again
    shown = sys.stderr.getvalue()
    assert "25%" in shown
    assert "2500/4000" in shown
    assert "images/s" in shown


def test_before_anything_is_done_the_time_left_is_not_known():
    assert Progress(10, "images").line(5.0) == "0 of 10 images, 0 images/s, unknown time left"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "under 1 s"),
        (1.4, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (999_600, "1 MB"), (37.24e9, "37.2 GB"),
     (2.5e15, "2.5e+03 TB")],
)  # fmt: skip
def test_sizes_read_as_people_say_them(count, text):
    assert byte_size(count) == text
