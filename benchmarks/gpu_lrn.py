"""LRN on the device: what it takes of a step, with our kernels, with torch's, and with none."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from torch import nn

from alextrain.models.lrn import LocalResponseNorm
from benchmarks.gpu_step import Case, looping
from benchmarks.lrn import TorchNorm
from benchmarks.timing import Measurement, Row, in_turn

ROUNDS = 3
SHARE = 0.10  # of a step on a GPU, at most: the goal


def shares(case: Case) -> Iterator[Row]:
    """Measure the steps of a net in turn, which differ in their two LRN alone.

    Args:
        case: Of a net with features.lrn1 and features.lrn2, as `paper` has them.
    """
    count = case.recipe.batch_size
    norms: list[type[nn.Module]] = [LocalResponseNorm, TorchNorm, nn.Identity]
    rates = in_turn([_measure(case, norm) for norm in norms], ROUNDS)
    seconds = [[count / rate for rate in found] for found in rates]
    ours, torchs, none = seconds
    most = SHARE if case.machine.device.type == "cuda" else None
    for words, with_it, goal in (("ours", ours, most), ("torch's", torchs, None)):
        pairs = zip(with_it, none, strict=True)
        share = median(1 - without / whole for whole, without in pairs)
        yield Row(f"LRN's share of a step, batch {count}, {words}", "", share, at_most=goal)
    found = [a / b for a, b in zip(ours, torchs, strict=True)]
    yield Row(
        f"step with our LRN / with torch's, batch {count}",
        "ms",
        1e3 * median(ours),
        1e3 * median(torchs),
        median(found),
        min(found),
        max(found),
    )


def _measure(case: Case, norm: type[nn.Module]) -> Measurement:
    return lambda: looping(case, compiled=False, norm=norm)
