"""Which columns of a Parquet file hold the images and the labels."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from alexprep.errors import RawError
from alexprep.raw.parquet_file import arrow, open_file
from alexprep.raw.place import titled

BYTES, PATH = "bytes", "path"  # the fields of Hugging Face's Image
_LIKELY = ("label", "labels", "fine_label", "class", "cls")

_Features = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Columns:
    """Which columns of a file are read."""

    image: str  # a binary column, or a struct with bytes
    path: bool  # the struct has a path too
    label: str | None
    names: tuple[str, ...]  # of the labels, where the file's ClassLabel says them
    text: bool  # the label is a text, and names the class itself


def columns_of(file: str, label: str = "") -> Columns:
    """Find the columns of images and labels.

    Args:
        file: The Parquet file.
        label: Name of the column of the labels; "": find it.

    Raises:
        RawError: the file cannot be read, or there is no such column or more than one.
    """
    with open_file(file) as parquet:
        schema = parquet.schema_arrow
    features = _features(schema.metadata)
    columns = f"its columns are {', '.join(schema.names)}"
    image = _image_column(file, schema, features, columns)
    found = label or _label_column(schema, features)
    if found is not None and schema.names.count(found) != 1:
        count = "several columns" if found in schema.names else "no column"
        raise RawError(f"{titled(file)}: has {count} {found}; {columns}")
    kind = None if found is None else _plain(schema.field(found).type)
    if kind is not None and not _is_label(kind):
        raise RawError(
            f"{titled(file)}: column {found} holds {kind}, and labels are whole numbers or texts"
        )
    return Columns(
        image=image,
        path=any(field.name == PATH and _is_text(field.type) for field in _fields(schema, image)),
        label=found,
        names=_class_names(features.get(found, {})) if found else (),
        text=kind is not None and _is_text(kind),
    )


def _features(metadata: dict[bytes, bytes] | None) -> _Features:
    """Return what Hugging Face's `datasets` noted of the columns."""
    try:
        noted = json.loads((metadata or {}).get(b"huggingface", b"{}"))
        features = noted.get("info", {}).get("features", {})
    except (ValueError, AttributeError, RecursionError):
        return {}
    if not isinstance(features, dict):
        return {}
    return {name: kind for name, kind in features.items() if isinstance(kind, dict)}


def _class_names(feature: dict[str, Any]) -> tuple[str, ...]:
    names = feature.get("names")
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _image_column(file: str, schema: Any, features: _Features, columns: str) -> str:
    structs = [field.name for field in schema if _is_image(field.type)]
    plain = [field.name for field in schema if _is_binary(field.type)]
    noted = [name for name in structs + plain if features.get(name, {}).get("_type") == "Image"]
    found = noted or structs or plain
    if len(found) == 1:
        return str(found[0])
    what = f"several columns of images ({', '.join(found)})" if found else "no column of images"
    raise RawError(
        f"{titled(file)}: has {what}; {columns}; expected one that holds encoded images as bytes"
    )


def _label_column(schema: Any, features: _Features) -> str | None:
    """Return a column called label, else the first ClassLabel, else one with a likely name."""
    classes = [name for name in schema.names if features.get(name, {}).get("_type") == "ClassLabel"]
    likely = [name for name in _LIKELY if name in schema.names]
    kinds = {field.name: _plain(field.type) for field in schema}
    for name in (*[name for name in likely if name in classes], *classes, *likely):
        if _is_label(kinds[name]):
            return str(name)
    return None


def _fields(schema: Any, column: str) -> Iterable[Any]:
    """Return the fields of a struct; none of another column."""
    kind = schema.field(column).type
    return kind if arrow().types.is_struct(kind) else ()


def _is_image(kind: Any) -> bool:
    """Tell whether a type is Hugging Face's Image: {bytes, path}."""
    if not arrow().types.is_struct(kind):
        return False
    return any(field.name == BYTES and _is_binary(field.type) for field in kind)


def _plain(kind: Any) -> Any:
    """Return the type of the values: categories of pandas are numbers with a dictionary."""
    return kind.value_type if arrow().types.is_dictionary(kind) else kind


def _is_label(kind: Any) -> bool:
    return bool(arrow().types.is_integer(kind) or _is_text(kind))


def _is_binary(kind: Any) -> bool:
    return bool(arrow().types.is_binary(kind) or arrow().types.is_large_binary(kind))


def _is_text(kind: Any) -> bool:
    return bool(arrow().types.is_string(kind) or arrow().types.is_large_string(kind))
