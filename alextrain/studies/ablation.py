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
    base = whole.best["val_top1_error"]
    head = f"{'taken away':<34}{'top-1':>8}{'here':>9}{'published':>11}  source"
    lines = [head, f"{'nothing':<34}{base:>8.2%}"]
    for ablation, story in parts:
        error = story.best["val_top1_error"]
        theirs = "-" if ablation.top1 is None else f"{ablation.top1:+.1f}"
        lines.append(
            f"{ablation.what:<34}{error:>8.2%}{100 * (error - base):>+9.2f}{theirs:>11}  "
            f"{ablation.source}"
        )
    return [
        *lines,
        "top-1: validation error after the best epoch, 1 view; here, published: percentage points",
        "against the whole net, the published ones on ImageNet in 10 views.",
        "One seed: differences of a few hundred images or fewer are chance (fit --repeat K).",
    ]
