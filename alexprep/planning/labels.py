"""Classes to numbers: a class's label is its position in `class_names`."""

from __future__ import annotations

from alexprep.errors import RawError, SettingsError
from alexprep.raw.source import RawSet, some

ORDERS = ("wnid", "devkit", "own")


def default_order(raw: RawSet) -> str:
    """Return the order of labels that a raw set gets where none is asked for."""
    return "own" if raw.own_order else "wnid"


def class_names(raw: RawSet, order: str = "wnid") -> tuple[str, ...]:
    """Return all classes that have a file, in the order of their labels.

    All splits count, whichever are prepared, so labels do not depend on the choice. A class
    folder without a file is no class.

    Args:
        raw: The raw set.
        order: "wnid", sorted by name as torchvision, Caffe and Kaggle do (0 is n01440764), or
            "devkit", sorted by ILSVRC2012_ID as the authors' program did (0 is n02119789), or
            "own", by the numbers that the raw set itself gives its classes.

    Raises:
        RawError: order "devkit" without a devkit, or with a class that it does not know; order
            "own" of a raw set that has none.
        SettingsError: the order is unknown.
    """
    names = {source.class_name for sources in raw.splits.values() for source in sources}
    if order == "wnid":
        return tuple(sorted(names))
    if order == "own":
        return _own(raw, names)
    if order != "devkit":
        raise SettingsError(f"label order {order!r} is unknown; choose {', '.join(ORDERS)}")
    unknown = names - raw.devkit_ids.keys()
    if unknown:
        raise RawError(
            f"{raw.root}: label order devkit needs each class's ILSVRC2012_ID, and there is none "
            f"for {some(unknown)}; put the devkit into the raw folder, or use label order wnid"
        )
    return tuple(sorted(names, key=raw.devkit_ids.__getitem__))


def _own(raw: RawSet, names: set[str]) -> tuple[str, ...]:
    if not raw.own_order:
        raise RawError(f"{raw.root}: its classes have no numbers of their own; use order wnid")
    assert names <= set(raw.own_order), "the layout left out a class"
    return tuple(name for name in raw.own_order if name in names)
