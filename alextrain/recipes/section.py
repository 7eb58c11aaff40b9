"""What the tables of a recipe share: each value is of its key's type and keeps its rule."""

from __future__ import annotations

import math
from dataclasses import field, fields
from typing import Any

from alextrain.errors import RecipeError

__all__ = [
    "Section",
    "above",
    "at_least",
    "between",
    "nothing_or",
    "one_of",
    "rising",
    "share",
    "shown",
    "span",
    "typed",
]

_INT64 = 2**63
_SHOWN = 80  # characters of a value


def above(bound: float, **default: Any) -> Any:
    """Return a field for a number above `bound`."""
    rule = (lambda value: value > bound), f"a number above {bound:g}"
    return field(metadata={"rule": rule}, **default)


def at_least(bound: int, **default: Any) -> Any:
    """Return a field for a number from `bound` up."""
    rule = (lambda value: value >= bound), f"a number from {bound} up"
    return field(metadata={"rule": rule}, **default)


def share(**default: Any) -> Any:
    """Return a field for a number from 0 up and below 1."""
    rule = (lambda value: 0 <= value < 1), "a number from 0 up and below 1"
    return field(metadata={"rule": rule}, **default)


def between(low: float, high: float, **default: Any) -> Any:
    """Return a field for a number from `low` to `high`, both included."""
    rule = (lambda value: low <= value <= high), f"a number from {low:g} to {high:g}"
    return field(metadata={"rule": rule}, **default)


def nothing_or(low: float, high: float, **default: Any) -> Any:
    """Return a field for 0, which stands for nothing, or a number from `low` to `high`."""
    rule = (lambda value: value == 0 or low <= value <= high), f"0, or from {low:g} to {high:g}"
    return field(metadata={"rule": rule}, **default)


def one_of(*names: str, **default: Any) -> Any:
    """Return a field for one of these names."""
    rule = (lambda value: value in names), "one of " + ", ".join(names)
    return field(metadata={"rule": rule}, **default)


def span(**default: Any) -> Any:
    """Return a field for two numbers, the first not above the second."""
    rule = (lambda pair: len(pair) == 2 and 0 < pair[0] <= pair[1]), "two numbers, 0 < a <= b"
    return field(metadata={"rule": rule}, **default)


def rising(**default: Any) -> Any:
    """Return a field for rising whole numbers from 1 up."""
    rule = (lambda epochs: list(epochs) == sorted({0, *epochs} - {0})), "rising whole numbers"
    return field(metadata={"rule": rule}, **default)


class Section:
    """What the tables of a recipe share: each value is of its key's type and keeps its rule."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for entry in fields(self):  # type: ignore[arg-type]
            value = typed(entry.name, str(entry.type), getattr(self, entry.name))
            holds, words = entry.metadata.get("rule", ((lambda _: True), ""))
            if not holds(value):
                raise RecipeError(f"{entry.name} is {shown(value)}; give {words}")
            object.__setattr__(self, entry.name, value)  # 1 given for a float is now 1.0


def typed(key: str, kind: str, value: Any) -> Any:
    """Return `value` as the type named in the source, tuples for lists.

    Raises:
        RecipeError: it is of another type.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "float" and number and math.isfinite(value):
        return float(value)
    if kind == "int" and type(value) is int and not -_INT64 <= value < _INT64:
        raise RecipeError(f"{key} is {shown(value)}; give a number of 64 bits, as TOML has them")
    if kind in ("int", "bool", "str") and type(value).__name__ == kind:
        return value
    if kind.startswith("tuple[") and isinstance(value, list | tuple):
        return tuple(typed(key, kind[6:].partition(",")[0], part) for part in value)
    if isinstance(value, Section) and type(value).__name__ == kind:
        return value
    words = {"float": "a number", "int": "a whole number", "bool": "true or false", "str": "a text"}
    several = "a list of texts" if kind.startswith("tuple[str") else "a list of numbers"
    raise RecipeError(f"{key} is {shown(value)}; give {words.get(kind, several)}")


def shown(value: Any) -> str:
    """Return a value as TOML would have it, nearly."""
    text = repr(value) if isinstance(value, str) else str(value).lower().replace("none", "nothing")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
