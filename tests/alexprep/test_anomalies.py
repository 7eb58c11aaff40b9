"""ImageNet's known odd files: what is said of those that are there, missing, or new."""

import pytest

from alexprep.building import anomalies
from alexprep.building.anomalies import CMYK, GZIP, KNOWN, PNG, Edition, compare
from alexprep.planning.plan import make_plan
from alexprep.raw.containers import Folder
from alexprep.raw.source import RawSet, Source
from alexprep.records.report import Outcome, Report
from alexprep.settings import PrepSettings

ODD = {
    "train/n01739381/n01739381_1309.JPEG": "CMYK",
    "train/n02105855/n02105855_2933.JPEG": "PNG, transparency on white",
    "val/n13133613/ILSVRC2012_val_00019877.JPEG": "CMYK",
}
PLAIN = ["train/n01739381/n01739381_1.JPEG", "train/n02105855/n02105855_2.JPEG"]


def source(name):
    return Source(name.split("/")[1], name, 9, Folder("/raw"))


def line(name, what, done="converted"):
    return Outcome(name, name.split("/")[0], done, what, 9, "")


def said(names, outcomes):
    splits = {}
    for name in names:
        splits.setdefault(name.split("/")[0], []).append(source(name))
    ordered = {split: sorted(sources, key=lambda s: s.name) for split, sources in splits.items()}
    raw = RawSet("folders", None, ordered)
    return compare(make_plan(raw, PrepSettings()), Report.gather(outcomes, len(names)))


def test_the_list_is_that_of_the_facts():
    kinds = {kind: [stem for stem, k in KNOWN.items() if k == kind] for kind in (CMYK, PNG, GZIP)}
    in_val = [stem for stem in kinds[CMYK] if "2012_val" in stem]
    in_2010 = [stem for stem in KNOWN if "2010" in stem or stem in anomalies._CMYK_2010.split()]
    train_2012 = set(kinds[CMYK]) - set(in_val) - set(in_2010)
    assert (len(train_2012), len(in_val), len(kinds[PNG]), len(kinds[GZIP])) == (22, 1, 1, 1)
    assert len(in_2010) + len(anomalies._CMYK_IN_BOTH.split()) == 18


def test_what_is_as_published_is_one_line():
    assert said([*ODD, *PLAIN], [line(*odd) for odd in ODD.items()]) == [
        "3 of ImageNet's known odd files, odd as expected"
    ]


def test_what_was_changed_since_is_named():
    png = "train/n02105855/n02105855_2933.JPEG"
    cmyk = "train/n01739381/n01739381_1309.JPEG"
    found = said([*ODD, *PLAIN], [line(png, "grayscale")])
    assert f"{png} is PNG in ImageNet as published, here converted (grayscale)" in found
    assert f"{cmyk} is CMYK in ImageNet as published, here an RGB JPEG" in found
    assert len(found) == 3


def test_trailing_bytes_are_expected_of_two_files():
    name = "train/n01669191/n01669191_10054.JPEG"
    trailing = line(name, "trailing bytes", "repaired")
    assert said([name, *PLAIN], [trailing]) == ["1 of ImageNet's known odd files, odd as expected"]
    expected = f"{name} has trailing bytes in ImageNet as published, here an RGB JPEG"
    assert said([name, *PLAIN], []) == [expected]


def test_names_as_hugging_face_doubles_them_are_known():
    name = "train/n01739381/n01739381_1309_n01739381.JPEG"
    assert said([name, *PLAIN], [line(name, "CMYK")]) == [
        "1 of ImageNet's known odd files, odd as expected"
    ]


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_new_is_said_of_a_whole_split_alone(monkeypatch, whole):
    edition = Edition("ILSVRC2012", "train", 4 if whole else 1_281_167, classes=3)
    monkeypatch.setattr(anomalies, "EDITIONS", (edition,))
    outcomes = [line(*odd) for odd in ODD.items()]
    outcomes += [line(PLAIN[0], "CMYK"), line(PLAIN[1], "empty file", "skipped")]
    found = said([*ODD, *PLAIN], outcomes)[1:]
    assert (
        found
        == [
            f"ILSVRC2012 train has no bad file as published, here 1 ({PLAIN[1]}): damaged",
            f"CMYK, but not known to be so in ILSVRC2012: {PLAIN[0]}",
        ]
        * whole
    )


def test_a_set_that_is_not_imagenet_is_left_alone():
    assert said(["train/cats/n01739381_1309.JPEG"], []) == []
    assert said(PLAIN, [line(PLAIN[0], "CMYK")]) == []
