"""Counts of a server, in the text format that Prometheus reads."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
PICTURES = (1, 2, 4, 8, 16, 32, 64, 128)
_Labels = tuple[tuple[str, str], ...]


class Counter:
    """Something that only grows."""

    def __init__(self, name: str, about: str) -> None:
        self.name, self.about = name, about
        self.values: dict[_Labels, float] = {}

    def add(self, amount: float = 1, **labels: str) -> None:
        """Count."""
        key = tuple(sorted(labels.items()))
        self.values[key] = self.values.get(key, 0) + amount

    def text(self) -> str:
        """Return the lines of this metric."""
        return _head(self.name, self.about, "counter") + "".join(
            _line(self.name, labels, value) for labels, value in sorted(self.values.items())
        )


class Histogram:
    """How often values fell where.

    Args:
        name: Of the metric.
        about: What it says, with its unit.
        edges: Upper edges of the buckets, ascending; the last bucket has none.
    """

    def __init__(self, name: str, about: str, edges: Sequence[float]) -> None:
        self.name, self.about, self.edges = name, about, tuple(edges)
        self.counts: dict[_Labels, list[int]] = {}
        self.sums: dict[_Labels, float] = {}

    def observe(self, value: float, **labels: str) -> None:
        """Count a value."""
        key = tuple(sorted(labels.items()))
        counts = self.counts.setdefault(key, [0] * (len(self.edges) + 1))
        counts[bisect_left(self.edges, value)] += 1
        self.sums[key] = self.sums.get(key, 0.0) + value

    def text(self) -> str:
        """Return the lines of this metric; buckets count all values up to their edge."""
        lines = [_head(self.name, self.about, "histogram")]
        for labels, counts in sorted(self.counts.items()):
            below = 0
            for edge, count in zip((*map(str, self.edges), "+Inf"), counts, strict=True):
                below += count
                lines.append(_line(f"{self.name}_bucket", (*labels, ("le", edge)), below))
            lines.append(_line(f"{self.name}_sum", labels, self.sums[labels]))
            lines.append(_line(f"{self.name}_count", labels, below))
        return "".join(lines)


def gauge(name: str, about: str, value: float, **labels: str) -> str:
    """Return the lines of a metric that is what it is now."""
    return _head(name, about, "gauge") + _line(name, tuple(labels.items()), value)


def _head(name: str, about: str, kind: str) -> str:
    return f"# HELP {name} {about}\n# TYPE {name} {kind}\n"


def _line(name: str, labels: _Labels, value: float) -> str:
    inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    number = repr(int(value) if value == int(value) else float(value))  # counts stay exact
    return f"{name}{{{inner}}} {number}\n" if inner else f"{name} {number}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
