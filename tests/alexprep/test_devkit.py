import csv
import struct

import numpy as np
import pytest

from alexprep.errors import RawError
from alexprep.raw.devkit import ARCHIVE, FOLDER, Synset, find_devkit, parse_meta
from tests.alexprep.rawsets import (
    IDS,
    WORDS,
    devkit_archive,
    devkit_files,
    encode_meta,
    tree,
    write_folders,
)


def write_unpacked(root, files=None, folder=f"{FOLDER}/data"):
    files = devkit_files(tree()) if files is None else files
    return write_folders(root, {f"{folder}/{name}": data for name, data in files.items()})


@pytest.mark.parametrize("compressed", [True, False])
def test_synsets_are_read_with_their_ancestors(compressed):
    synsets = parse_meta(encode_meta(compressed))
    assert synsets[0] == Synset(1, "n00000002", "señorita", "gloss of n00000002", 0)
    assert synsets[-1] == Synset(4, "n00000000", "entity", "", 3)
    assert [synset.number for synset in synsets] == [1, 2, 3, 4]


@pytest.mark.parametrize("folder", [f"{FOLDER}/data", FOLDER])
def test_unpacked_and_packed_devkits_say_the_same(tmp_path, folder):
    (tmp_path / ARCHIVE).write_bytes(devkit_archive(tree()))
    packed = find_devkit(tmp_path)
    unpacked = find_devkit(write_unpacked(tmp_path, folder=folder))
    assert (packed.classes, packed.ground_truth) == (unpacked.classes, unpacked.ground_truth)
    assert (packed.words, packed.ids) == (WORDS, IDS)
    assert packed.where != unpacked.where


def test_no_devkit_is_no_error(tmp_path):
    assert find_devkit(tmp_path) is None


def test_the_true_devkit_agrees_with_the_published_table(shared_data):
    devkit = find_devkit(shared_data)
    with (shared_data / "ilsvrc2012_synsets.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) == len(devkit.classes) == 1000
    for row in rows:
        number, images = int(row["ILSVRC2012_ID"]), int(row["num_train_images"])
        synset = Synset(number, row["wnid"], row["words"], row["gloss"], 0, images)
        assert devkit.classes[row["wnid"]] == synset
    meta = (shared_data / FOLDER / "data" / "meta.mat").read_bytes()
    assert len(parse_meta(meta)) == 1860
    # The labels by sorted wnid that others publish for validation images 1 to 6.
    order = sorted(devkit.classes)
    first = [order.index(wnid) for wnid in devkit.validation_wnids()[:6]]
    assert first == [65, 970, 230, 809, 516, 57]
    assert len(devkit.ground_truth) == 50_000


@pytest.mark.parametrize("missing", ["meta.mat", "ILSVRC2012_validation_ground_truth.txt"])
def test_a_missing_part_is_named(tmp_path, missing):
    files = {name: data for name, data in devkit_files(tree()).items() if name != missing}
    with pytest.raises(RawError, match=f"{FOLDER}: holds no data/{missing}; download"):
        find_devkit(write_unpacked(tmp_path, files))


def test_a_ground_truth_that_is_no_number_or_no_class_is_named(tmp_path):
    truth = "ILSVRC2012_validation_ground_truth.txt"
    files = devkit_files(tree())
    with pytest.raises(RawError, match="is not one number a line"):
        find_devkit(write_unpacked(tmp_path, files | {truth: b"1\n2\nthree\n"}))
    devkit = find_devkit(write_unpacked(tmp_path, files | {truth: b"1\n2\n4\n"}))
    with pytest.raises(RawError, match=r"line 3 of .* is class 4, which meta\.mat does not have"):
        devkit.validation_wnids()


def test_a_damaged_archive_is_named(tmp_path):
    data = devkit_archive(tree())
    for damaged in (data[:200], b"not gzip" * 100, b""):
        (tmp_path / ARCHIVE).write_bytes(damaged)
        with pytest.raises(RawError, match=rf"{ARCHIVE}: .* download (it|the devkit) again"):
            find_devkit(tmp_path)


@pytest.mark.parametrize("compressed", [True, False])
def test_a_meta_file_cut_anywhere_is_refused(compressed):
    meta = encode_meta(compressed)
    for length in range(0, len(meta), 5):
        with pytest.raises(RawError):
            parse_meta(meta[:length])


def test_damage_inside_the_compressed_part_is_refused():
    meta = encode_meta()
    for place in range(len(meta) - 60, len(meta), 7):
        damaged = bytearray(meta)
        damaged[place] ^= 0x55
        with pytest.raises(RawError, match="damaged"):
            parse_meta(bytes(damaged))


def test_a_matrix_without_content_is_refused():
    with pytest.raises(RawError, match="damaged"):
        parse_meta(encode_meta()[:128] + struct.pack("<II", 14, 0))


def test_a_damaged_meta_file_gives_a_sentence_or_synsets_but_never_a_traceback():
    meta = encode_meta(compressed=False)
    draw = np.random.Philox(1).random_raw(2 * 500)
    refused = 0
    for place, change in draw.reshape(-1, 2).tolist():
        damaged = bytearray(meta)
        damaged[place % len(meta)] ^= 1 + change % 255
        try:
            parse_meta(bytes(damaged))
        except RawError:
            refused += 1
    assert refused > 100
