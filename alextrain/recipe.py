"""A recipe: every setting that changes what is learnt, frozen, and stored in each checkpoint.

A recipe is a TOML file of one screen. Its tables are the classes below; each key has one name in
the whole file, so that an override needs no path: `--crop 143`, `{"crop": 143}`.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from alextrain.errors import RecipeError

__all__ = [
    "Input",
    "Network",
    "Optimiser",
    "Recipe",
    "Schedule",
    "load_recipe",
    "recipe_keys",
    "recipe_names",
]


MODELS = (
    "paper",
    "authors",
    "one-tower",
    "half",
    "six-conv",
    "caffe",
    "caffenet",
    "torchvision",
    "quick",
    "small",
)
INITS = ("paper", "authors", "caffe", "caffenet", "he", "torch")


def _above(bound: float, **default: Any) -> Any:
    rule = (lambda value: value > bound), f"a number above {bound:g}"
    return field(metadata={"rule": rule}, **default)


def _at_least(bound: int, **default: Any) -> Any:
    rule = (lambda value: value >= bound), f"a number from {bound} up"
    return field(metadata={"rule": rule}, **default)


def _share(**default: Any) -> Any:
    rule = (lambda value: 0 <= value < 1), "a number from 0 up and below 1"
    return field(metadata={"rule": rule}, **default)


def _one_of(*names: str, **default: Any) -> Any:
    rule = (lambda value: value in names), "one of " + ", ".join(names)
    return field(metadata={"rule": rule}, **default)


def _span(**default: Any) -> Any:
    rule = (lambda pair: len(pair) == 2 and 0 < pair[0] <= pair[1]), "two numbers, 0 < a <= b"
    return field(metadata={"rule": rule}, **default)


def _rising(**default: Any) -> Any:
    rule = (lambda epochs: list(epochs) == sorted({0, *epochs} - {0})), "rising whole numbers"
    return field(metadata={"rule": rule}, **default)


class _Section:
    """What the tables of a recipe share: each value is of its key's type and keeps its rule."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for entry in fields(self):  # type: ignore[arg-type]
            value = _typed(entry.name, str(entry.type), getattr(self, entry.name))
            holds, words = entry.metadata.get("rule", ((lambda _: True), ""))
            if not holds(value):
                raise RecipeError(f"{entry.name} is {_shown(value)}; give {words}")
            object.__setattr__(self, entry.name, value)  # 1 given for a float is now 1.0


@dataclass(frozen=True, slots=True)
class Network(_Section):
    """Which net, how wide, and how it starts."""

    model: str = _one_of(*MODELS)  # models/designs.py says what each is
    width: float = _above(0, default=1.0)  # fraction of the kernels of each layer
    dropout: float = _share(default=0.5)
    init: str = _one_of(*INITS, default="paper")  # see init.py
    # what the model has by itself, or one choice in its place: see models/designs.py
    border: str = _one_of("model", "none", "right-bottom", "around", default="model")
    lrn: str = _one_of("model", "printed", "coded", "caffe", "off", default="model")
    pools: str = _one_of("overlapping", "disjoint", default="overlapping")
    links: bool = True  # between the halves, at conv3, fc6 and fc7


@dataclass(frozen=True, slots=True)
class Input(_Section):
    """What the net is shown: which part of the image, in which colours, on which scale."""

    crop: int = _at_least(1)  # side of the square that the net sees, in pixels
    normalise: str = _one_of("mean-image", "mean-std")
    crops: str = _one_of("random", "resized", "centre", default="random")
    flip: bool = True
    scale: tuple[float, ...] = _span(default=(0.35, 1.0))  # share of the area, for "resized"
    ratio: tuple[float, ...] = _span(default=(3 / 4, 4 / 3))  # width / height, for "resized"
    colour: str = _one_of("std", "lambda", "off", default="std")
    colour_scale: float = _above(0, default=0.1)  # standard deviation of alpha, section 4.1


@dataclass(frozen=True, slots=True)
class Optimiser(_Section):
    """Stochastic gradient descent. Biases and normalisation layers are not decayed."""

    lr: float = _above(0)
    momentum: float = _share(default=0.9)
    weight_decay: float = _at_least(0, default=5e-4)
    nesterov: bool = False
    velocity: str = _one_of("with-rate", "without-rate", default="with-rate")  # see optimiser.py

    def __post_init__(self) -> None:
        """Check what two keys decide together."""
        _Section.__post_init__(self)
        if self.nesterov and not self.momentum:
            raise RecipeError(f"nesterov needs a momentum above 0; it is {self.momentum}")


@dataclass(frozen=True, slots=True)
class Schedule(_Section):
    """How the rate goes on from `lr`; see schedule.py."""

    policy: str = _one_of("plateau", "steps", "cosine", "constant")
    warmup_steps: int = _at_least(0, default=0)
    factor: float = _share(default=0.1)  # what a drop leaves of the rate: "plateau", "steps"
    drops: int = _at_least(0, default=3)  # at most so many: "plateau"
    patience: int = _at_least(1, default=5)  # epochs in a row without a better error: "plateau"
    milestones: tuple[int, ...] = _rising(default=())  # epochs done at each drop: "steps"


@dataclass(frozen=True, slots=True)
class Recipe(_Section):
    """Everything that decides what is learnt from given shards, the seed too."""

    name: str
    network: Network
    input: Input
    optimiser: Optimiser
    schedule: Schedule
    epochs: int = _at_least(1)
    batch_size: int = _at_least(1)
    label_smoothing: float = _share(default=0.0)
    holdout: float = _share(default=0.0)  # share of the train split kept out, to validate on
    seed: int = _at_least(0, default=0)
    window: int = _at_least(1, default=100_000)  # samples permuted together, see data/order.py

    def to_dict(self) -> dict[str, Any]:
        """Return plain values only: for JSON, and for checkpoints that hold no objects."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Build a recipe from what `to_dict` gave, or from a parsed TOML file.

        Raises:
            RecipeError: a key is unknown or missing, or a value is of a wrong type or range.
        """
        tables = {name: _table(values, name, kind) for name, kind in _SECTIONS.items()}
        return _build(cls, {**values, **tables}, "")


_SECTIONS: dict[str, type[_Section]] = {
    "network": Network,
    "input": Input,
    "optimiser": Optimiser,
    "schedule": Schedule,
}


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the program."""
    names = (entry.name for entry in (files("alextrain") / "recipes").iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def recipe_keys() -> dict[str, str]:
    """Return each key that can be overridden, and its table ("" outside of the tables)."""
    keys = {entry.name: "" for entry in fields(Recipe) if entry.name not in _SECTIONS}
    for table, kind in _SECTIONS.items():
        keys |= {entry.name: table for entry in fields(kind)}  # type: ignore[arg-type]
    return keys


def load_recipe(source: str | Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Load a recipe and replace some of its values.

    Args:
        source: the name of a recipe that comes with the program, or the path of a TOML file.
        overrides: key to value, in whichever table the key is; None leaves the recipe's value.

    Raises:
        RecipeError: no such recipe, not TOML, or an unknown key or impossible value.
    """
    text, name = _read(source)
    try:
        values = {"name": name, **tomllib.loads(text)}
        for key, value in (overrides or {}).items():
            if value is not None:
                table = _known(key, recipe_keys())
                target = values.setdefault(table, {}) if table else values
                target[key] = value
        return Recipe.from_dict(values)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"recipe {source} is not valid TOML: {error}") from error
    except RecipeError as error:
        raise RecipeError(f"recipe {source}: {error}") from error


def _read(source: str | Path) -> tuple[str, str]:
    path = Path(source)
    if str(source) in recipe_names():
        path = Path(str(files("alextrain"))) / "recipes" / f"{source}.toml"
    elif path.suffix != ".toml":
        names = recipe_names()
        hint = _near(str(source), names) or f"there are {', '.join(names)}"
        raise RecipeError(f"no recipe is named {source!r}: {hint}, or give the path of a .toml")
    try:
        return path.read_text(encoding="utf-8"), path.stem
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RecipeError(f"recipe {source} cannot be read ({reason})") from error


Section = TypeVar("Section", bound=_Section)


def _table(values: Mapping[str, Any], name: str, kind: type[Section]) -> Section:
    table = values.get(name, {})
    if not isinstance(table, Mapping):
        raise RecipeError(f"{name} is {_shown(table)}; give a table, [{name}]")
    return _build(kind, table, f" in [{name}]")


def _build(kind: type[Section], values: Mapping[str, Any], where: str) -> Section:
    known = fields(kind)  # type: ignore[arg-type]
    for key in values:
        _known(key, [entry.name for entry in known], where)
    missing = [e.name for e in known if e.default is MISSING and e.name not in values]
    if missing:
        raise RecipeError(f"{' and '.join(missing)} missing{where}; say what to use")
    return kind(**values)


def _known(key: str, keys: Mapping[str, str] | Collection[str], where: str = "") -> str:
    """Return the table of a key; raise when there is no such key."""
    if key not in keys:
        hint = _near(key, list(recipe_keys())) or f"known are {', '.join(keys)}"
        raise RecipeError(f"unknown key {key!r}{where}: {hint}")
    return keys[key] if isinstance(keys, Mapping) else ""


def _near(word: str, words: list[str]) -> str:
    matches = get_close_matches(word, words, n=2)
    return f"did you mean {' or '.join(repr(match) for match in matches)}?" if matches else ""


def _typed(key: str, kind: str, value: Any) -> Any:
    """Return `value` as the type named in the source, tuples for lists; raise on another type."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "float" and number and math.isfinite(value):
        return float(value)
    if kind in ("int", "bool", "str") and type(value).__name__ == kind:
        return value
    if kind.startswith("tuple[") and isinstance(value, list | tuple):
        return tuple(_typed(key, kind[6:].partition(",")[0], part) for part in value)
    if isinstance(value, _Section) and type(value).__name__ == kind:
        return value
    words = {"float": "a number", "int": "a whole number", "bool": "true or false", "str": "a text"}
    raise RecipeError(f"{key} is {_shown(value)}; give {words.get(kind, 'a list of numbers')}")


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value).lower().replace("none", "nothing")
