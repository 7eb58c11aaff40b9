import threading
import time

import pytest

from alexprep.threads import in_threads


def test_every_item_is_done_once_and_progress_adds_up():
    heard = []

    def work(item, beat):
        for _ in range(item):
            beat(2)
        return item

    results = list(in_threads(work, [3, 1, 4, 0], jobs=2, on_progress=heard.append))
    assert sorted(results) == [0, 1, 3, 4]
    assert sum(heard) == 16


def test_progress_is_heard_while_an_item_is_still_worked_on():
    heard, news = [], threading.Event()

    def listen(count):
        heard.append(count)
        news.set()

    def work(item, beat):
        for count in (1, 5, 3):
            news.clear()
            beat(count)
            assert news.wait(10)  # goes on only once the beat has been heard
        return item

    assert list(in_threads(work, ["one"], 1, listen)) == ["one"]
    assert heard == [1, 5, 3]


def test_an_error_stops_the_other_items_soon():
    ended = []

    def work(item, beat):
        if item == "bad":
            raise ValueError("bad")
        try:
            for _ in range(10_000):
                time.sleep(0.001)
                beat(1)
        finally:
            ended.append(item)
        return item

    began = time.monotonic()
    with pytest.raises(ValueError, match="bad"):
        list(in_threads(work, ["long", "bad", "never begun", "nor this"], jobs=2))
    assert time.monotonic() - began < 5
    assert ended == ["long"]
