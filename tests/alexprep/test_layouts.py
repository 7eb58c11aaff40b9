"""The law of all layouts: the same images are the same keys, labels and shards."""

import hashlib

import pytest

from alexprep.building.build import build
from alexprep.errors import RawError
from alexprep.planning.plan import make_plan
from alexprep.raw.detect import LAYOUTS, open_raw
from alexprep.raw.source import read_source
from alexprep.settings import PrepSettings
from alexprep.shards.manifest import Manifest
from tests.alexprep.layoutsets import (
    flat,
    tree_2010,
    write_2010,
    write_caffe,
    write_devkit,
    write_devkit_2010,
    write_flat_val,
    write_kaggle,
    write_kaggle_zip,
    write_list,
    write_solution,
)
from tests.alexprep.pictures import jpeg
from tests.alexprep.rawsets import WORDS, tree, write_folders, write_official, write_tar

MAKERS = {
    "class folders": ("imagefolder", write_folders),
    "splits called otherwise": (
        "imagefolder",
        lambda root, files: write_folders(
            root, {name.replace("val/", "validation/", 1): data for name, data in files.items()}
        ),
    ),
    "a tar": ("tar", lambda root, files: write_tar(root.with_suffix(".tar"), files, "./")),
    "official archives": ("ilsvrc2012", write_official),
    "flat val, devkit": ("imagefolder", lambda r, f: write_flat_val(r, f, write_devkit)),
    "flat val, Caffe": ("imagefolder", lambda r, f: write_flat_val(r, f, write_caffe)),
    "flat val, Kaggle's list": ("imagefolder", lambda r, f: write_flat_val(r, f, write_solution)),
    "Kaggle": ("kaggle", write_kaggle),
    "Kaggle, ILSVRC": ("kaggle", lambda r, f: write_kaggle(r, f) / "ILSVRC"),
    "Kaggle, CLS-LOC": ("kaggle", lambda r, f: write_kaggle(r, f) / "ILSVRC/Data/CLS-LOC"),
    "Kaggle's own zip": ("zip", write_kaggle_zip),
    "a list": ("list", write_list),
}


def listed(raw):
    return {
        split: [(s.class_name, s.name, s.size, read_source(s)) for s in sources]
        for split, sources in raw.splits.items()
    }


@pytest.mark.parametrize("maker", MAKERS)
def test_the_same_images_are_the_same_sources(tmp_path, maker):
    layout, make = MAKERS[maker]
    raw = open_raw(make(tmp_path / "raw", tree()))
    assert listed(raw) == listed(open_raw(write_folders(tmp_path / "folders", tree())))
    assert raw.layout == layout
    assert not raw.unusable
    root = make(tmp_path / "raw", tree())
    assert listed(open_raw(root, layout)) == listed(raw)


@pytest.mark.parametrize("unpacked", [True, False])
def test_2010_has_a_test_split_packed_and_unpacked(tmp_path, unpacked):
    files = tree_2010()
    root = tmp_path / "raw"
    if unpacked:
        write_folders(root, flat(files, "val", "test"))
        write_devkit_2010(root, files)
    else:
        write_2010(root, files)
    raw = open_raw(root)
    assert listed(raw) == listed(open_raw(write_folders(tmp_path / "folders", files)))
    assert (list(raw.splits), raw.words) == (["train", "val", "test"], WORDS)
    assert raw.layout == ("imagefolder" if unpacked else "ilsvrc2010")
    assert not any("not read" in line for line in raw.found)


def test_the_same_images_are_the_same_shards(tmp_path):
    files = {name: jpeg(20 + i, 24, seed=i) for i, name in enumerate(tree(2, 3))}
    hashes = {}
    for number, (_, make) in enumerate(MAKERS.values()):
        raw = open_raw(make(tmp_path / f"raw{number}", files))
        target = tmp_path / f"shards{number}"
        build(make_plan(raw, PrepSettings(size=16)), target, 1)
        manifest = Manifest.load(target)
        assert manifest.layout == raw.layout
        hashes[number] = [manifest.classes] + [
            (path.name, hashlib.sha256(path.read_bytes()).hexdigest())
            for path in sorted(target.glob("*.tar"))
        ]
    assert len(hashes[0]) == 3
    assert all(found == hashes[0] for found in hashes.values())


def test_names_of_layouts_are_not_used_twice():
    names = [layout.name for layout in LAYOUTS]
    assert len(set(names)) == len(names)
    assert all(":" not in name for name in names)


def test_a_wrong_layout_is_told_what_was_found_and_what_looks_right(tmp_path):
    root = write_official(tmp_path / "official", tree())
    with pytest.raises(
        RawError, match=r"no class folder .* it looks like --layout ilsvrc2012 \(a folder with"
    ):
        open_raw(root, "imagefolder")
    folders = write_folders(tmp_path / "folders", tree())
    for name, reason in {
        "tar": r"expected one \.tar in it, found none",
        "list": r"expected a list, a file called \.txt",
        "kaggle": "no ILSVRC/Data/CLS-LOC with train or val in it",
        "ilsvrc2012": r"expected ILSVRC2012_img_train\.tar",
        "ilsvrc2010": r"expected ILSVRC2010_images_train\.tar",
    }.items():
        with pytest.raises(RawError, match=rf"{reason}.*; it looks like --layout imagefolder"):
            open_raw(folders, name)


def test_an_unknown_layout_names_those_there_are(tmp_path):
    with pytest.raises(RawError, match=r"'image-folder' is unknown; choose of .*imagefolder is n"):
        open_raw(tmp_path, "image-folder")
