"""What may stand in manifest.json, field by field: it may have been edited, or come from anywhere.

The names of shards and splits become paths, so those above all: none may leave its folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_SPLITS = ("train", "val", "test")
_HASH = re.compile(r"[0-9a-f]{64}")
_HIGHEST = 2**63 - 1
_COUNTS = ("samples", "bytes", "skipped", "repaired", "converted")


def check_content(content: Mapping[str, Any]) -> None:
    """Check the kind of every field; that they belong together is what the fingerprint tells.

    Raises:
        ValueError: a field is missing, or not what it must be; the text says which.
    """
    _check(content, "settings", lambda value: isinstance(value, dict), "settings by name")
    for field in ("codec", "index_sha256"):
        _check(content, field, _is_texts_by_name, "plain texts by name")
    for field in ("layout", "label_order"):
        _check(content, field, _is_plain, "a plain text")
    for field in ("classes", "words", "glosses"):
        _check(content, field, _is_texts, "a list of texts")
    _check_classes(content)
    if content.get("report_sha256", ""):
        _check(content, "report_sha256", _is_hash, "64 hexadecimal digits")
    _check(content, "shards", _is_list_of_dicts, "a list of shards")
    for number, shard in enumerate(content["shards"]):
        check_shard(shard, f"shard {number}: ")
    names = [shard["name"] for shard in content["shards"]]
    if len(set(names)) != len(names):
        raise ValueError("two shards have one name")
    missing = {shard["split"] for shard in content["shards"]} - set(content["index_sha256"])
    if missing:
        raise ValueError(f"index_sha256 lacks {min(missing)}")


def _check_classes(content: Mapping[str, Any]) -> None:
    classes, words, glosses = (content[name] for name in ("classes", "words", "glosses"))
    if len(set(classes)) != len(classes):
        raise ValueError("two classes have one name")
    if len(words) != len(classes) or len(glosses) not in (0, len(classes)):
        raise ValueError(
            f"there are {len(classes):,} classes, {len(words):,} words and {len(glosses):,} glosses"
        )


def check_shard(shard: Mapping[str, Any], where: str = "") -> None:
    """Check the kind of every field of one shard's record.

    Raises:
        ValueError: one is missing, or not what it must be; the text begins with `where`.
    """
    _check(shard, "name", _is_file_name, "the name of a .tar, without a folder", where)
    _check(shard, "split", lambda value: value in _SPLITS, ", ".join(_SPLITS), where)
    _check(shard, "sha256", _is_hash, "64 hexadecimal digits", where)
    for field in _COUNTS:
        _check(shard, field, _is_count, "a whole number from 0 on", where)


def _check(
    values: Mapping[str, Any],
    field: str,
    allowed: Callable[[Any], bool],
    expected: str,
    where: str = "",
) -> None:
    if field not in values:
        raise ValueError(f"{where}{field} is missing")
    if not allowed(values[field]):
        raise ValueError(f"{where}{field} is {_short(values[field])}; expected {expected}")


def _short(value: object) -> str:
    # Long ones are not written out: an integer of a megabyte has no repr.
    if isinstance(value, (dict, list, str)) and len(value) > 40:
        return f"a {type(value).__name__} of {len(value):,}"
    return ascii(value) if not isinstance(value, int) or abs(value) < 10**40 else "a huge number"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()  # it is printed: no half characters


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_texts_by_name(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_plain, value.values()))


def _is_list_of_dicts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _HIGHEST  # no bool


def _is_file_name(value: object) -> bool:
    if not isinstance(value, str) or not value.endswith(".tar"):
        return False
    return not {"/", "\0"} & set(value)
