"""ImageNet's known odd files: expected and not found, or found and not expected, is said.

Sources: for ILSVRC2012 the list of cytsai/ilsvrc-cmyk-image-list, which TensorFlow's scripts carry
too, and four reports of the one in val; for ILSVRC2010 a survey of its files with jpeginfo.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from alexprep.planning.plan import Plan
from alexprep.raw.source import shown, some
from alexprep.records.report import SKIPPED, Outcome, Report

CMYK, PNG, GZIP, TRAILING = "CMYK", "PNG", "gzip", "trailing bytes"
_CMYK_IN_BOTH = """
n01739381_1309 n02747177_10752 n03347037_9675 n03633091_5218 n03710637_5125 n04033995_2932
n04596742_4225
"""
_CMYK_2012 = """
n02077923_14822 n02447366_23489 n02492035_15739 n03018349_4028 n03062245_4620 n03467068_12171
n03529860_11437 n03544143_17228 n03961711_5286 n04258138_17003 n04264628_27969 n04336792_7448
n04371774_5854 n07583066_647 n13037406_4650 ILSVRC2012_val_00019877
"""
_CMYK_2010 = """
n02872752_3721 n03109150_15092 n03329302_553 n03359436_9884 n04453156_5048 n04517823_2387
ILSVRC2010_val_00014712 ILSVRC2010_val_00040086 ILSVRC2010_val_00041418 ILSVRC2010_test_00099846
ILSVRC2010_test_00149181
"""
# file name without its extension -> what it is
KNOWN = {
    **dict.fromkeys((_CMYK_IN_BOTH + _CMYK_2012 + _CMYK_2010).split(), CMYK),
    "n02105855_2933": PNG,
    "n02487347_1956": GZIP,
    **dict.fromkeys(("n01669191_10054", "n02882647_18811"), TRAILING),  # the survey of 2010
}
_KINDS = (CMYK, PNG, GZIP, TRAILING)
_FULLY_LISTED = (CMYK, PNG, GZIP)  # nobody has published all files with trailing bytes
_CLASS = re.compile(r"n\d{8}\Z")
_DOUBLED = re.compile(r"_n\d{8}\Z")  # as Hugging Face names files: n01440764_10026_n01440764


class Edition(NamedTuple):
    """A published set: what it must hold for its odd files to be known."""

    name: str
    split: str
    samples: int
    classes: int = 1000


EDITIONS = (
    Edition("ILSVRC2012", "train", 1_281_167),
    Edition("ILSVRC2010", "train", 1_261_406),
    Edition("ILSVRC2010", "test", 150_000),
    Edition("ImageNet", "val", 50_000),  # of either
)


def compare(plan: Plan, report: Report) -> list[str]:
    """Return sentences on ImageNet's odd files; none where the set has nothing of ImageNet.

    A set is taken for ImageNet where its classes are WordNet ids. Files of the list that it holds
    must be what the list says; this goes for parts of ImageNet too. That nothing else is odd can
    be expected only of a whole split, which is known by its number of samples and classes.
    """
    if not all(map(_CLASS.match, plan.classes)):
        return []
    by_file = {outcome.file: outcome for outcome in report.outcomes}
    expected = dict(_expected(plan))
    sentences, right = [], 0
    for file, kind in sorted(expected.items()):
        found = by_file.get(file)
        if found is not None and kind in _kinds(found):
            right += 1
        else:
            is_here = "an RGB JPEG" if found is None else f"{found.done} ({found.what})"
            verb = "has" if kind == TRAILING else "is"
            sentences.append(f"{file} {verb} {kind} in ImageNet as published, here {is_here}")
    if right:
        sentences.insert(0, f"{right} of ImageNet's known odd files, odd as expected")
    for edition in EDITIONS:
        sentences += _surprises(edition, plan, report, expected)
    return sentences


def _expected(plan: Plan) -> Iterator[tuple[str, str]]:
    for task in plan.tasks:
        for sample in task.samples:
            stem = sample.source.name.rpartition("/")[2].partition(".")[0]
            kind = KNOWN.get(_DOUBLED.sub("", stem))
            if kind is not None:
                yield shown(sample.source.name), kind


def _kinds(outcome: Outcome) -> list[str]:
    return [kind for kind in _KINDS if kind in outcome.what.split(", ")]


def _surprises(
    edition: Edition, plan: Plan, report: Report, expected: dict[str, str]
) -> Iterator[str]:
    """Yield what a whole split holds though it should not."""
    here = (plan.samples(edition.split), len(plan.classes))
    if here != (edition.samples, edition.classes):
        return
    found = [line for line in report.outcomes if line.split == edition.split]
    bad = [line.file for line in found if line.done == SKIPPED]
    if bad:
        yield (
            f"{edition.name} {edition.split} has no bad file as published, here {len(bad):,} "
            f"({some(bad)}): damaged"
        )
    for kind in _FULLY_LISTED:
        new = [line.file for line in found if kind in _kinds(line) and line.file not in expected]
        if new:
            yield f"{kind}, but not known to be so in {edition.name}: {some(new)}"
