"""Sources behind URLs are read several at once, and in their order."""

import threading
import time
from typing import NamedTuple

import pytest

from alexprep.errors import ImageError
from alexprep.raw.ahead import AT_ONCE, Reader
from alexprep.raw.source import Source


class Slow:
    """A container that takes its time and knows how many wait for it."""

    def __init__(self, where):
        self.prefix = where
        self.waiting = self.most = 0
        self.read_places = []
        self.lock = threading.Lock()

    def read(self, source):
        with self.lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            self.read_places.append(source.place)
        time.sleep(0.01)
        with self.lock:
            self.waiting -= 1
        if source.place == 5:
            raise ImageError("bad")
        return b"%03d" % source.place

    def where(self, source):
        return f"{self.prefix}/{source.name}"


class Sample(NamedTuple):
    source: Source


def samples(container, count=40):
    return [Sample(Source("a", f"train/a/{i}", 3, container, i)) for i in range(count)]


@pytest.mark.parametrize(("where", "most"), [("https://host", AT_ONCE), ("/raw", 1)])
def test_remote_sources_are_read_ahead_and_local_ones_are_not(where, most):
    container = Slow(where)
    reader = Reader(samples(container))
    for position in range(40):
        if position == 7:
            continue  # left out
        if position == 5:
            with pytest.raises(ImageError, match="bad"):
                reader.read(position)
        else:
            assert reader.read(position) == b"%03d" % position
    reader.close()
    assert container.most <= most
    assert (container.most > 4) == (most > 1)
    assert len(container.read_places) == len(set(container.read_places))


def test_a_reader_that_is_closed_asks_for_nothing_more():
    container = Slow("s3://bucket")
    reader = Reader(samples(container))
    reader.read(0)
    reader.close()
    asked = len(container.read_places)
    time.sleep(0.03)
    assert len(container.read_places) == asked <= AT_ONCE
