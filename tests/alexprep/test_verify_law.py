"""One flipped bit, anywhere in any file of a set, is found and named, and what mends it."""

import random

import numpy as np
import pytest

from alexprep.building.build import build
from alexprep.checking.verify import remedy, verify
from alexprep.errors import ShardError
from alexprep.measuring.measure import measure
from alexprep.shards import npz
from alexprep.shards.statistics import STATISTICS
from tests.alexprep.pictures import encode, photo
from tests.alexprep.sets import make_raw, plan_of, spoil

FILES = {
    "train-000000.tar": "repair",
    "val-000001.tar": "repair",
    "index-train.npz": "repair",
    "report.json": "repair",
    "report.csv": "repair",
    "_info.json": "repair",
    "stats.npz": "stats",
    "manifest.json": "repair",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished set with a report that is not empty, and statistics."""
    folder = tmp_path_factory.mktemp("law")
    raw = make_raw(folder / "raw", train=4, val=4)
    spoil(raw, "train/n00000002/train_1_3.JPEG")
    spoil(raw, "train/n00000001/train_0_1.JPEG", encode(photo().convert("L"), "JPEG"))
    build(plan_of(raw), folder / "shards", jobs=1)
    measure(folder / "shards").save(folder / "shards" / STATISTICS)
    assert verify(folder / "shards", deep=True) == []
    return folder / "shards"


def places(name, size):
    """The first and last bytes of the file, and some in between, drawn by its name."""
    draw = random.Random(name)
    return [0, 1, 30, size - 1, size - 2, size - 20, *(draw.randrange(size) for _ in range(14))]


def found(whole):
    """Files and cures of what is found; a manifest that cannot be believed ends it at once."""
    try:
        return {(finding.file, finding.cure) for finding in verify(whole, jobs=1)}
    except ShardError as error:
        ours = "manifest.json" in str(error) or "format version" in str(error)
        return {("manifest.json" if ours else str(error), "repair")}


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_is_found_wherever_it_is(whole, name):
    path = whole / name
    data = path.read_bytes()
    try:
        for place in places(name, len(data)):
            bit = 1 << place % 8
            path.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
            assert found(whole) == {(name, FILES[name])}, place
    finally:
        path.write_bytes(data)


@pytest.mark.parametrize("name", [name for name in FILES if name != "manifest.json"])
def test_a_file_that_is_cut_or_lost_is_found(whole, name):
    path = whole / name
    data = path.read_bytes()
    try:
        path.write_bytes(data[: len(data) // 2])
        assert found(whole) == {(name, FILES[name])}
        path.unlink()  # statistics may not be made yet
        assert found(whole) == ({(name, FILES[name])} if name != STATISTICS else set())
    finally:
        path.write_bytes(data)


@pytest.mark.parametrize("name", ["mean_image", "channel_std", "eigenvalues", "eigenvectors"])
def test_a_derived_array_that_does_not_follow_from_the_sums_is_found(whole, name):
    path = whole / STATISTICS
    data = path.read_bytes()
    try:
        with np.load(path) as archive:
            arrays = dict(archive)
        arrays[name] = arrays[name] * arrays[name].dtype.type(1.001)
        npz.save_arrays(path, arrays)
        (finding,) = verify(whole, jobs=1)
        assert (finding.file, finding.cure) == (STATISTICS, "stats")
        assert f"its {name} do not follow from its sums" in finding.what
    finally:
        path.write_bytes(data)


def test_the_last_sentence_names_what_mends_the_worst(whole):
    path, extra = whole / STATISTICS, whole / "train-000009.tar"
    data = path.read_bytes()
    try:
        path.write_bytes(data[:-1])
        assert remedy(whole, verify(whole)) == f"measure again: alexprep stats {whole}"
        extra.write_bytes(b"")
        assert remedy(whole, verify(whole)) == (
            "move away what does not belong there: train-000009.tar"
        )
    finally:
        path.write_bytes(data)
        extra.unlink()
