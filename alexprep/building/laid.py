"""The sources of shards that are going to be made or checked, where they can be read in any order.

Those of most layouts are so already. Rows of Parquet files and the arrays of torchvision's sets are
laid out first, in the work folder of the set: see raw/spool.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from alexprep.planning.plan import Task
from alexprep.planning.planned import Planned, Samples
from alexprep.raw.spool import SPOOL, Streamed, lay_out
from alexprep.shards.manifest import WORK

Hearer = Callable[[int], None]


def laid_out(
    target: Path,
    tasks: Sequence[Task],
    jobs: int | None = None,
    to_lay: Hearer | None = None,
    laid: Hearer | None = None,
    owner: str = "",
) -> list[Task]:
    """Return the tasks with sources that can be read in any order, laying out those that cannot.

    Args:
        target: The set of shards.
        tasks: What is going to be read.
        jobs: How many files are read at once; None for one a core.
        to_lay: Hears once how many images are laid out, where there are any.
        laid: Hears how many were since the last time.
        owner: Of the part that is made; see parts.py.

    Raises:
        DiskError: there is no room for them.
        RawError: the raw set is damaged.
    """
    # A raw set has containers of one kind. To look at each sample of a plan takes its time.
    if not any(isinstance(task.samples[0].source.container, Streamed) for task in tasks):
        return list(tasks)
    sources = [sample.source for task in tasks for sample in task.samples]
    slow = sum(isinstance(source.container, Streamed) for source in sources)
    if to_lay is not None:
        to_lay(slow)
    placed = lay_out(sources, target / WORK / f"{owner}{SPOOL}", jobs, laid)

    def moved(sample: Planned) -> Planned:
        return sample._replace(source=placed(sample.source))

    return [replace(task, samples=Samples(task.samples, moved)) for task in tasks]
