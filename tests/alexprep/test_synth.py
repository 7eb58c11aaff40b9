"""The generated set as files: the same bytes each time, in the form of the official archives."""

import io
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from alexprep.errors import DiskError, RawError, SettingsError
from alexprep.raw.detect import open_raw
from alexprep.raw.devkit import META, parse_meta
from alexprep.raw.source import read_source
from alexprep.synth.cast import SynthSettings, devkit_ids, train_cast, val_cast, wnid
from alexprep.synth.meta import write_structs
from alexprep.synth.picture import (
    LARGE,
    subject,
)
from alexprep.synth.raw_set import make_raw

SMALL = {"classes": 3, "train": 13, "val": 7, "large": 0}
ARCHIVES = {**SMALL, "large": 1, "layout": "ilsvrc2012"}


def files(root):
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def contents(root):
    raw = open_raw(root)
    return {
        source.name: read_source(source) for sources in raw.splits.values() for source in sources
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("synth") / "folders"
    make_raw(root, SynthSettings(**SMALL))
    return root


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    root = tmp_path_factory.mktemp("synth") / "archives"
    make_raw(root, SynthSettings(**ARCHIVES))
    return root


def test_the_same_settings_give_the_same_bytes_for_any_number_of_jobs(folders, tmp_path):
    make_raw(tmp_path / "again", SynthSettings(**SMALL), jobs=2)
    assert files(tmp_path / "again") == files(folders)


def test_pictures_go_into_the_archives_in_order_though_one_takes_far_longer(archives, tmp_path):
    kinds = [casting.oddity for casting in train_cast(SynthSettings(**ARCHIVES))]
    assert kinds.index("large") < 8  # in the first batch: the second is drawn meanwhile
    make_raw(tmp_path / "again", SynthSettings(**ARCHIVES), jobs=2)
    assert files(tmp_path / "again") == files(archives)


def test_no_date_is_in_the_archives(archives):
    assert (archives / "ILSVRC2012_devkit_t12.tar.gz").read_bytes()[4:8] == bytes(4)


def test_no_picture_is_in_the_set_twice(folders):
    assert len(set(contents(folders).values())) == 20


def test_another_seed_draws_other_pictures(folders, tmp_path):
    make_raw(tmp_path / "other", SynthSettings(**SMALL, seed=1))
    ours, theirs = contents(folders), contents(tmp_path / "other")
    assert not set(ours.values()) & set(theirs.values())


def test_a_longer_set_begins_with_the_pictures_of_a_shorter_one(folders, tmp_path):
    make_raw(tmp_path / "longer", SynthSettings(**{**SMALL, "train": 20}))
    shorter, longer = contents(folders), contents(tmp_path / "longer")
    train = {name for name in shorter if name.startswith("train/")}
    assert train < set(longer)
    assert all(shorter[name] == longer[name] for name in train)


def test_folders_and_archives_hold_the_same_images_under_the_same_names(archives, tmp_path):
    make_raw(tmp_path / "folders", SynthSettings(**ARCHIVES | {"layout": "folders"}))
    assert contents(tmp_path / "folders") == contents(archives)
    assert len(contents(archives)) == 20


def test_every_class_has_its_share(folders):
    raw = open_raw(folders)
    counts = {}
    for source in raw.splits["train"]:
        counts[source.class_name] = counts.get(source.class_name, 0) + 1
    assert counts == {wnid(0): 5, wnid(1): 4, wnid(2): 4}
    assert [wnid(label) for label in range(3)] == sorted(counts)


def test_the_archives_are_as_the_official_ones(archives):
    with tarfile.open(archives / "ILSVRC2012_img_train.tar") as outer:
        assert outer.getnames() == [f"{wnid(label)}.tar" for label in range(3)]
        inner = tarfile.open(fileobj=outer.extractfile(f"{wnid(1)}.tar"))  # noqa: SIM115
        assert inner.getnames() == [f"{wnid(1)}_{number}.JPEG" for number in (1, 4, 7, 10)]
    with tarfile.open(archives / "ILSVRC2012_img_val.tar") as val:
        names = val.getnames()
    assert sorted(names) == [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 8)]
    assert names != sorted(names)


def test_the_devkit_says_what_the_validation_images_show(archives):
    raw = open_raw(archives)
    settings = SynthSettings(**SMALL)
    labels = {f"{casting.name}": casting.label for casting in val_cast(settings)}
    assert len(raw.splits["val"]) == 7
    for source in raw.splits["val"]:
        assert source.class_name == wnid(labels[source.name.rsplit("/", 1)[1]])
    assert raw.words == {wnid(label): subject(label).words for label in range(3)}


def test_devkit_numbers_are_not_in_the_order_of_the_classes():
    ids = devkit_ids(SynthSettings(classes=10))
    assert sorted(ids) == list(range(1, 11))
    assert ids != sorted(ids)


def test_scipy_reads_meta_mat_as_torchvision_does(archives):
    scipy_io = pytest.importorskip("scipy.io")
    synsets = scipy_io.loadmat(io.BytesIO(_meta(archives)), squeeze_me=True)["synsets"]
    leaves = [row for row in synsets if row[4] == 0]
    ids = devkit_ids(SynthSettings(**SMALL))
    assert {int(row[0]): str(row[1]) for row in leaves} == {
        number: wnid(label) for label, number in enumerate(ids)
    }


def test_meta_mat_has_the_classes_in_order_of_their_numbers_and_an_ancestor(archives):
    synsets = parse_meta(_meta(archives))
    assert [synset.number for synset in synsets] == [1, 2, 3, 4]
    assert [synset.num_children for synset in synsets] == [0, 0, 0, 3]


def _meta(archives):
    with tarfile.open(archives / "ILSVRC2012_devkit_t12.tar.gz") as devkit:
        return devkit.extractfile(f"ILSVRC2012_devkit_t12/data/{META}").read()


@pytest.mark.parametrize("text", ["", "a", "abcd", "abcde", "æ, 鳥"])
def test_texts_of_any_length_survive_meta_mat(text):
    fields = {"ILSVRC2012_ID": 7, "WNID": "n1", "words": text, "gloss": text, "num_children": 0}
    (synset,) = parse_meta(write_structs("synsets", [fields]))
    assert (synset.number, synset.wnid, synset.words, synset.gloss) == (7, "n1", text, text)


def test_large_cmyk_and_misnamed_pictures_are_there(tmp_path):
    settings = SynthSettings(classes=2, train=100, val=0, large=1)
    kinds = [casting.oddity for casting in train_cast(settings)]
    assert sorted(filter(None, kinds)) == ["cmyk", "large", "png"]
    make_raw(tmp_path / "raw", settings)
    found = []
    for data in contents(tmp_path / "raw").values():
        with Image.open(io.BytesIO(data)) as picture:
            found.append((picture.format, picture.mode == "CMYK", max(picture.size)))
    assert [size for *_, size in found].count(max(LARGE)) == 1
    assert LARGE[0] * LARGE[1] > 30_000_000
    assert [kind for kind, *_ in found].count("PNG") == 1
    assert [cmyk for _, cmyk, _ in found].count(True) == 1


def test_a_set_that_is_there_is_left_alone(folders):
    before = {path: path.stat().st_mtime_ns for path in folders.rglob("*")}
    assert make_raw(folders, SynthSettings(**SMALL)) is False
    assert {path: path.stat().st_mtime_ns for path in folders.rglob("*")} == before


def test_a_set_of_other_settings_is_refused_with_the_difference(folders):
    with pytest.raises(RawError, match=r"other settings \(train 13, not 20; seed 0, not 4\)"):
        make_raw(folders, SynthSettings(**{**SMALL, "train": 20}, seed=4))


def test_a_folder_with_something_else_in_it_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RawError, match="is not empty and not drawn by this program"):
        make_raw(tmp_path, SynthSettings(**SMALL))
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "raw").write_text("")
    with pytest.raises(RawError, match="is a file; name a folder"):
        make_raw(tmp_path / "raw", SynthSettings(**SMALL))
    with pytest.raises(DiskError, match="cannot be written"):
        make_raw(tmp_path / "raw" / "below", SynthSettings(**SMALL))


def test_an_interrupted_drawing_leaves_nothing_behind(tmp_path):
    def stop(_):
        raise KeyboardInterrupt

    root = tmp_path / "raw"
    with pytest.raises(KeyboardInterrupt):
        make_raw(root, SynthSettings(**SMALL), on_progress=stop)
    assert list(tmp_path.iterdir()) == []
    root.mkdir()  # an empty folder is as good as none
    assert make_raw(root, SynthSettings(**SMALL)) is True


def test_progress_adds_up_to_the_pictures(tmp_path):
    heard = []
    make_raw(tmp_path / "raw", SynthSettings(**SMALL), on_progress=heard.append)
    assert sum(heard) == 20


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"classes": 73}, "classes must be a whole number from 1 to 72; got 73"),
        ({"train": 2}, "train must be a whole number from 3"),
        ({"large": 14}, "large must be a whole number from 0 to 13; got 14"),
        ({"layout": "zip"}, "layout 'zip' is unknown; choose folders or ilsvrc2012"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(wrong, sentence):
    with pytest.raises(SettingsError, match=sentence):
        SynthSettings(**{**SMALL, **wrong})


def test_the_path_is_not_in_the_bytes(folders):
    assert not [name for name, data in files(folders).items() if str(folders).encode() in data]
    assert Path(folders / ".synth.json").is_file()
