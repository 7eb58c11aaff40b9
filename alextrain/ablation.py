"""The paper's ablations, under one seed and one budget, beside the differences it published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
        "no-links", "no links between the halves", {"links": False}, 1.164, 1.12, "runs 150, 145"
    ),
    Ablation("no-colour", "no shift of colours", {"colour": "off"}, 1.0, None, "section 4.1: over"),
    Ablation("no-dropout", "no dropout", {"dropout": 0.0}, None, None, "section 4.2: overfits"),
)


def ablations(names: str | None) -> list[Ablation]:
    """Return the ablations of these names ("no-lrn,half"); None: all.

    Raises:
        RecipeError: a name that there is not.
    """
    from alextrain.errors import RecipeError  # noqa: PLC0415

    if names is None:
        return list(ABLATIONS)
    known = {ablation.name: ablation for ablation in ABLATIONS}
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in known:
            raise RecipeError(f"no ablation is named {name!r}; there are {', '.join(known)}")
    return [known[name] for name in wanted]
