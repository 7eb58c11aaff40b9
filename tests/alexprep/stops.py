"""Runs of this process that are interrupted after so many shards."""

import pytest

from alexprep.building import build as build_module
from alexprep.building.build import build


def stop_after(monkeypatch, shards):
    """Let a run be interrupted once so many shards are finished."""
    original = build_module.make_shards

    def few(*arguments):
        for number, shard in enumerate(original(*arguments)):
            yield shard
            if number + 1 == shards:
                raise KeyboardInterrupt

    monkeypatch.setattr(build_module, "make_shards", few)
    return lambda: monkeypatch.setattr(build_module, "make_shards", original)


def begun(plan, target, monkeypatch):
    restore = stop_after(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        build(plan, target, jobs=1)
    restore()
