"""The paper's ablations, under one seed and one budget, beside the differences it published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alextrain.errors import RecipeError
from alextrain.studies.compare import Story


@dataclass(frozen=True)
class Ablation:
    """One thing taken away from the paper's net or training.

    The published differences are in percentage points of top-1 and top-5 error against the whole
    net; None where no number was published.
    """

    name: str
    what: str
    changes: dict[str, Any]  # keys of the recipe
    top1: float | None
    top5: float | None
    source: str


# Sources: the paper's sections, and the logs in the authors' released configurations.
ABLATIONS = (
    Ablation("no-lrn", "no local response normalisation", {"lrn": "off"}, 1.4, 1.2, "section 3.3"),
    Ablation(
        "disjoint-pools",
        "pooling of 2x2 without overlap",
        {"pools": "disjoint"},
        0.4,
        0.3,
        "section 3.4",
    ),
    Ablation("half", "half the kernels, one GPU", {"model": "half"}, 1.7, 1.2, "section 3.2"),
    Ablation(
        "no-links",
        "no links between the halves",
        {"links": False},
        1.2,
        1.1,
        "authors' runs 150 (wider) and 145",
    ),
    Ablation(
        "no-colour", "no shift of colours", {"colour": "off"}, 1.0, None, "section 4.1 (over 1)"
    ),
    Ablation("no-dropout", "no dropout", {"dropout": 0.0}, None, None, "section 4.2 (it overfits)"),
)


def choose(names: str | None) -> list[Ablation]:
    """Return the ablations of these names ("no-lrn,half"); None: all.

    Raises:
        RecipeError: a name that there is not.
    """
    if names is None:
        return list(ABLATIONS)
    known = {ablation.name: ablation for ablation in ABLATIONS}
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in known:
            raise RecipeError(f"no ablation is named {name!r}; there are {', '.join(known)}")
    return [known[name] for name in wanted]


def table(whole: Story, parts: Sequence[tuple[Ablation, Story]]) -> list[str]:
    """Return the lines of a table: what each ablation cost here, and what was published."""
    head = f"{'taken away':<32}{'top-1':>7}{'here':>8}{'publ.':>7}{'top-5':>9}{'here':>8}"
    lines = [f"{head}{'publ.':>7}  source", f"{'nothing':<32}{_cells(whole, whole, None, None)}"]
    for part, story in parts:
        cells = _cells(story, whole, part.top1, part.top5)
        lines.append(f"{part.what:<32}{cells}  {part.source}")
    return [
        *lines,
        "top-1, top-5: validation errors after the epoch of the best top-1, 1 view; here, publ.:",
        "percentage points against the whole net, the published ones on ImageNet in 10 views.",
        "One seed: differences of a few hundred images or fewer are chance (fit --repeat K).",
    ]


def _cells(story: Story, whole: Story, top1: float | None, top5: float | None) -> str:
    """Return error, difference and published difference of top-1 and of top-5, "-" if not known.

    Top-5 errors are not known of sets with so few classes that five guesses are all of them.
    """
    cells = ""
    for name, published, width in (("val_top1_error", top1, 7), ("val_top5_error", top5, 9)):
        error, base = story.best.get(name), whole.best.get(name)
        mine, here = "-", "-"
        if error is not None and base is not None:
            mine = f"{error:.2%}"
            here = "-" if story is whole else f"{100 * (error - base):+.2f}"
        theirs = "-" if published is None else f"{published:+.1f}"
        cells += f"{mine:>{width}}{here:>8}{theirs:>7}"
    return cells
