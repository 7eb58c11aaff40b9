"""Kaggle's "ImageNet Object Localization Challenge", unpacked: ILSVRC/Data/CLS-LOC.

train has class folders, val is flat with LOC_val_solution.csv, test is flat and has no labels. The
CSV files and LOC_synset_mapping.txt lie beside the folder ILSVRC.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw.folders import list_splits
from alexprep.raw.layout import Layout, Place
from alexprep.raw.names import with_names
from alexprep.raw.source import RawSet, split_of

NAME = "kaggle"
_IMAGES = ("ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", "CLS-LOC", ".")


def open_kaggle(place: Place) -> RawSet:
    """List Kaggle's set; RAW is any of its folders from CLS-LOC up to the one around ILSVRC.

    Raises:
        RawError: no folder CLS-LOC with train or val in it, or see `list_splits`.
    """
    images = _images(place)
    if images is None:
        raise RawError(f"{place.path}: no {_IMAGES[0]} with train or val in it; give the folder")
    beside = [images, *images.absolute().parents[:3]]  # CLS-LOC, Data, ILSVRC, the one around it
    raw = replace(list_splits(Place.at(images), beside, NAME), root=place.path)
    return with_names(raw, beside)


def _images(place: Place) -> Path | None:
    """Return the folder CLS-LOC in RAW, or RAW itself where it is that."""
    for tail in _IMAGES:
        folder = place.path / tail
        if folder.absolute().name == "CLS-LOC" and folder.is_dir():
            return folder if any(map(split_of, Place.at(folder).folders)) else None
    return None


LAYOUT = Layout(
    NAME,
    f"Kaggle's {_IMAGES[0]}, with LOC_val_solution.csv and LOC_synset_mapping.txt beside ILSVRC",
    lambda place: _images(place) is not None,
    open_kaggle,
)
