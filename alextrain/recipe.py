"""A recipe: every setting that changes what is learnt, frozen, and stored in each checkpoint.

A recipe is a TOML file of one screen. Its tables are the classes below; each key has one name in
the whole file, so that an override needs no path: `--crop 143`, `{"crop": 143}`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from alextrain.errors import RecipeError
from alextrain.recipe_section import (
    Section,
    above,
    at_least,
    one_of,
    rising,
    share,
    shown,
    span,
)

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


@dataclass(frozen=True, slots=True)
class Network(Section):
    """Which net, how wide, and how it starts."""

    model: str = one_of(*MODELS)  # models/designs.py says what each is
    width: float = above(0, default=1.0)  # fraction of the kernels of each layer
    dropout: float = share(default=0.5)
    init: str = one_of(*INITS, default="paper")  # see init.py
    # what the model has by itself, or one choice in its place: see models/designs.py
    border: str = one_of("model", "none", "right-bottom", "around", default="model")
    lrn: str = one_of("model", "printed", "coded", "caffe", "off", default="model")
    pools: str = one_of("overlapping", "disjoint", default="overlapping")
    links: bool = True  # between the halves, at conv3, fc6 and fc7


@dataclass(frozen=True, slots=True)
class Input(Section):
    """What the net is shown: which part of the image, in which colours, on which scale."""

    crop: int = at_least(1)  # side of the square that the net sees, in pixels
    # the mean image at the crop's place, its centre for all crops, or channel mean and deviation
    normalise: str = one_of("mean-image", "mean-centre", "mean-std")
    crops: str = one_of("random", "resized", "centre", default="random")
    flip: bool = True
    crops_shared: int = at_least(1, default=1)  # images in a row that share place and mirror
    scale: tuple[float, ...] = span(default=(0.35, 1.0))  # share of the area, for "resized"
    ratio: tuple[float, ...] = span(default=(3 / 4, 4 / 3))  # width / height, for "resized"
    colour: str = one_of("std", "lambda", "off", default="std")  # see augment.py
    colour_scale: float = above(0, default=0.1)  # standard deviation of alpha, section 4.1
    colour_epochs: int = at_least(0, default=0)  # so many with shifted colours; 0: all
    colour_divides: bool = False  # divide what is shifted by 1 + colour_scale, as was coded


@dataclass(frozen=True, slots=True)
class Optimiser(Section):
    """How weights follow their gradients; see optimiser.py.

    "sgd" has momentum and decay as the paper has them. "adam" and "adamw" take `momentum` for their
    first beta (0.999 is the second); decay is added to the gradient, or, by "adamw", kept apart.
    """

    lr: float = above(0)
    update: str = one_of("sgd", "adam", "adamw", default="sgd")
    momentum: float = share(default=0.9)
    weight_decay: float = at_least(0, default=5e-4)
    nesterov: bool = False
    velocity: str = one_of("with-rate", "without-rate", default="with-rate")
    bias_lr: float = above(0, default=1.0)  # rate of biases, in rates of weights
    decay_biases: bool = False  # and the weights of normalisation layers
    clip: float = at_least(0, default=0.0)  # longest gradient, as one vector; 0: any
    ema: float = share(default=0.0)  # decay of the average of the weights; 0: none

    def __post_init__(self) -> None:
        """Check what two keys decide together."""
        Section.__post_init__(self)
        if self.nesterov and (not self.momentum or self.update != "sgd"):
            raise RecipeError(
                f"nesterov needs update 'sgd' and a momentum above 0; they are {self.update!r} and "
                f"{self.momentum}"
            )


@dataclass(frozen=True, slots=True)
class Schedule(Section):
    """How the rate goes on from `lr`; see schedule.py. Epochs are counted from 0."""

    policy: str = one_of(
        "plateau",
        "milestones",
        "step",
        "dexp",
        "cosine",
        "polynomial",
        "one-cycle",
        "constant",
    )
    warmup_steps: int = at_least(0, default=0)
    factor: float = share(default=0.1)  # what a drop leaves: "plateau", "milestones", "step"
    drops: int = at_least(0, default=3)  # at most so many: "plateau"
    patience: int = at_least(1, default=5)  # epochs in a row without a better error: "plateau"
    milestones: tuple[int, ...] = rising(default=())  # epochs done at each drop
    every: int = at_least(1, default=30)  # epochs between drops: "step"
    levels: int = at_least(2, default=4)  # rates: "dexp"
    fall: float = above(1, default=250.0)  # first rate / last rate: "dexp"
    power: float = above(0, default=1.0)  # of what is left of the run: "polynomial"
    peak: float = share(default=0.3)  # part of the run that rises: "one-cycle"
    # what the authors did by hand
    bias_rate: str = one_of("follows", "stays", default="follows")  # biases drop too, or do not
    conv1_drop: int = at_least(0, default=0)  # epoch of one more drop for conv1; 0: never
    conv1_freeze: int = at_least(0, default=0)  # epoch from which conv1 rests; 0: never

    def __post_init__(self) -> None:
        """Check what two keys decide together."""
        Section.__post_init__(self)
        if self.policy == "one-cycle" and self.warmup_steps:
            raise RecipeError("warmup_steps is of no use to 'one-cycle', which rises by itself")


@dataclass(frozen=True, slots=True)
class Recipe(Section):
    """Everything that decides what is learnt from given shards, the seed too."""

    name: str
    network: Network
    input: Input
    optimiser: Optimiser
    schedule: Schedule
    epochs: int = at_least(1)
    batch_size: int = at_least(1)
    label_smoothing: float = share(default=0.0)
    holdout: float = share(default=0.0)  # share of the train split kept out, to validate on
    seed: int = at_least(0, default=0)
    window: int = at_least(1, default=100_000)  # samples permuted together, see data/order.py

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


_SECTIONS: dict[str, type[Section]] = {
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


Table = TypeVar("Table", bound=Section)


def _table(values: Mapping[str, Any], name: str, kind: type[Table]) -> Table:
    table = values.get(name, {})
    if not isinstance(table, Mapping):
        raise RecipeError(f"{name} is {shown(table)}; give a table, [{name}]")
    return _build(kind, table, f" in [{name}]")


def _build(kind: type[Table], values: Mapping[str, Any], where: str) -> Table:
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
