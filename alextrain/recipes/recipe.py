"""A recipe: every setting that changes what is learnt, frozen, and stored in each checkpoint.

A recipe is a TOML file of one screen. Its tables are the classes of tables.py; each key has
one name in the whole file, so that an override needs no path: `--crop 143`, `{"crop": 143}`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from alextrain.errors import RecipeError
from alextrain.recipes.section import Section, at_least, share, shown
from alextrain.recipes.tables import (
    INITS,
    MODELS,
    Distortions,
    Input,
    Network,
    Optimiser,
    Schedule,
)

__all__ = [
    "INITS",
    "MODELS",
    "Input",
    "Network",
    "Optimiser",
    "Recipe",
    "Schedule",
    "load_recipe",
    "recipe_keys",
    "recipe_names",
    "recipe_text",
    "setting",
    "to_toml",
]

_LONGEST = 1_000_000  # bytes of a file


@dataclass(frozen=True, slots=True)
class Recipe(Section):
    """Everything that decides what is learnt from given shards, the seed too."""

    name: str  # of the run's folder too
    network: Network
    input: Input
    optimiser: Optimiser
    schedule: Schedule
    distortions: Distortions
    epochs: int = at_least(1)
    batch_size: int = at_least(1)
    label_smoothing: float = share(default=0.0)
    holdout: float = share(default=0.0)  # share of the train split kept out, to validate on
    seed: int = at_least(0, default=0)
    window: int = at_least(1, default=100_000)  # samples permuted together, see data/order.py

    def __post_init__(self) -> None:
        """Check the name too."""
        Section.__post_init__(self)
        if not self.name.isprintable() or "/" in self.name or self.name in ("", ".", ".."):
            raise RecipeError(f"name is {shown(self.name)}; give what can be the name of a file")

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
    "distortions": Distortions,
}


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the program."""
    names = (entry.name for entry in files("alextrain.recipes").iterdir())
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
        values = {"name": name, **_parsed(text)}
        for key, value in (overrides or {}).items():
            if value is not None:
                table = _known(key, recipe_keys())
                target = values.setdefault(table, {}) if table else values
                target[key] = value
        return Recipe.from_dict(values)
    except RecipeError as error:
        raise RecipeError(f"recipe {source}: {error}") from error


def setting(text: str) -> tuple[str, Any]:
    """Return key and value of an override written like `lr=0.02`, `model=quick`, `scale=[0.2, 1]`.

    The value is what TOML makes of it; what is no TOML is a text, so that it needs no quotes.

    Raises:
        RecipeError: there is no `=`.
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not (key and equals and value):
        raise RecipeError(f"{text!r} sets nothing; give KEY=VALUE, e.g. lr=0.02")
    try:
        return key, _parsed(f"value = {value}")["value"]
    except RecipeError:
        return key, value


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise RecipeError("is not valid TOML: lists in lists without end") from error
    except ValueError as error:  # TOML's own errors are some, a number of 5,000 digits is another
        raise RecipeError(f"is not valid TOML: {error}") from error


def recipe_text(source: str | Path) -> str:
    """Return the text of a recipe, comments and all.

    Raises:
        RecipeError: there is no such recipe, or it cannot be read.
    """
    return _read(source)[0]


def to_toml(recipe: Recipe) -> str:
    """Return a whole recipe as TOML, each key with its value; `load_recipe` reads it back."""
    lines, tables = [], []
    for key, value in recipe.to_dict().items():
        if isinstance(value, dict):
            tables += ["", f"[{key}]", *(f"{name} = {_toml(own)}" for name, own in value.items())]
        else:
            lines.append(f"{key} = {_toml(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _toml(value: Any) -> str:
    """Return a text, number, truth or list as TOML writes it, as JSON does."""
    return json.dumps(value, ensure_ascii=False)


def _read(source: str | Path) -> tuple[str, str]:
    path = Path(source)
    if str(source) in recipe_names():
        path = Path(str(files("alextrain.recipes"))) / f"{source}.toml"
    elif path.suffix != ".toml":
        names = recipe_names()
        hint = _near(str(source), names) or f"there are {', '.join(names)}"
        raise RecipeError(f"no recipe is named {source!r}: {hint} (or give the path of a .toml)")
    try:
        if path.exists() and not path.is_file():
            raise RecipeError(f"recipe {source} is no file; give one of TOML")
        if path.stat().st_size > _LONGEST:
            raise RecipeError(f"recipe {source} is no recipe: it is longer than {_LONGEST:,} bytes")
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
