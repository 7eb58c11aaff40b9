import pytest

from alexprep.errors import ImageError, RawError
from alexprep.planning.labels import class_names
from alexprep.raw.detect import open_raw
from alexprep.raw.source import read_source, some
from tests.alexprep.layoutsets import write_list
from tests.alexprep.rawsets import tree, write_folders

FILES = {"a b/1, 2.jpg": b"one", "a b/3.jpg": b"three", "c.jpg": b"c"}


@pytest.fixture
def root(tmp_path):
    return write_folders(tmp_path, FILES)


def open_text(folder, text, name="images.txt", **options):
    (folder / name).write_bytes(text.encode())
    return open_raw(folder / name, **options)


def rows(raw):
    return [(s.class_name, s.name, read_source(s)) for split in raw.splits.values() for s in split]


SPACED = [
    ("cat", "train/cat/a b/1, 2.jpg", b"one"),
    ("cat", "train/cat/a b/3.jpg", b"three"),
    ("dog", "train/dog/c.jpg", b"c"),
]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("images.txt", "a b/1, 2.jpg cat\n\na b/3.jpg   cat\r\nc.jpg dog"),
        ("images.txt", "a b/1, 2.jpg\tcat\na b/3.jpg\tcat\nc.jpg\tdog\n"),
        ("images.tsv", "a b/1, 2.jpg\tcat\na b/3.jpg\tcat\nc.jpg\tdog\n"),
        ("images.csv", '"a b/1, 2.jpg",cat\na b/3.jpg,cat\nc.jpg,dog\n'),
        ("images.csv", 'label,Filename\ncat,"a b/1, 2.jpg"\ncat,a b/3.jpg\ndog, c.jpg\n'),
        (
            "images.csv",
            '\ufeffpath,label,split\n"a b/1, 2.jpg",cat,\na b/3.jpg,cat,train\nc.jpg,dog,\n',
        ),
    ],
)
def test_spaces_and_commas_belong_to_names(root, name, text):
    assert rows(open_text(root, text, name)) == SPACED


@pytest.mark.parametrize("name", ["all.csv", "all.tsv"])
def test_a_list_with_splits_gives_the_sources_of_the_folders(tmp_path, name):
    files = tree() | {"test/n00000001/x.JPEG": b"x"}
    raw = open_raw(write_list(tmp_path, files, name))
    assert list(raw.splits) == ["train", "val", "test"]
    assert rows(raw) == rows(open_raw(tmp_path, "imagefolder"))


def test_the_name_of_a_list_says_its_split(root):
    assert list(open_text(root, "c.jpg cat\n", "validation.txt").splits) == ["val"]


def test_paths_begin_in_the_root_that_is_given(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lists")
    raw = open_text(folder, f"3.jpg cat\n{root}/a b/1, 2.jpg cat\n", root=root / "a b")
    assert [data for _, _, data in rows(raw)] == [b"one", b"three"]
    with pytest.raises(RawError, match=r"not one of the files .* is there.*3\.jpg; .* --root"):
        open_text(folder, "3.jpg cat\n")


def test_numbers_are_labels_in_their_own_order(root):
    raw = open_text(root, "c.jpg 10\na b/3.jpg 9\na b/1, 2.jpg 0\n")
    assert class_names(raw) == ("00", "09", "10")
    assert raw.found[-1] == "numbers with gaps: number 0 becomes label 0, 10 2"
    raw = open_text(root, "c.jpg 1\na b/3.jpg 0\n")
    assert not any("gaps" in line for line in raw.found)


def test_numbers_count_the_synsets_beside_the_list(root):
    (root / "synset_words.txt").write_text("n2 fox\nn1 dog, hound\n")
    raw = open_text(root, "c.jpg 1\na b/3.jpg 0\n")
    assert {s.name: s.class_name for s in raw.splits["train"]} == {
        "train/n1/c.jpg": "n1",
        "train/n2/a b/3.jpg": "n2",
    }
    assert raw.words == {"n2": "fox", "n1": "dog, hound"}
    with pytest.raises(RawError, match="has label 2, but the list of synsets beside it has 2"):
        open_text(root, "c.jpg 2\n")


def test_a_listed_file_that_is_not_there_is_a_bad_file(root):
    raw = open_text(root, "c.jpg cat\ngone.jpg cat\n")
    with pytest.raises(ImageError, match="listed, but cannot be read: there is no such file"):
        read_source(raw.splits["train"][1])
    assert raw.found[-1] == "1 of the listed files cannot be read"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("images.txt", "", "names no image"),
        ("images.csv", "path,label\n", "names no image"),
        ("images.txt", "c.jpg\n", "line 1 has no path or no label"),
        ("images.csv", "c.jpg,cat\na b/3.jpg,\n", "line 2 has no path or no label"),
        ("images.csv", "c.jpg,cat,dev\n", r"line 1 is of split 'dev'; expected train, val, test"),
        ("images.txt", "c.jpg cat\nc.jpg dog\n", r"lines 1 and 2 both name c\.jpg"),
        ("images.txt", "./c.jpg cat\nc.jpg dog\n", r"lines 1 and 2 both name c\.jpg"),
        ("images.txt", "c.jpg a/b\n", "line 1: label 'a/b' can be no name of a folder"),
        ("images.txt", "../c.jpg cat\n", r"line 1: \.\./c\.jpg does not lie in .* --root"),
        ("images.txt", "/etc/hostname cat\n", "line 1: /etc/hostname does not lie in"),
        (
            "images.csv",
            'c.jpg,cat\na b/3.jpg,"cat\nc.jpg,dog\n',
            r"cannot be read from line 2 on \(.*\); look there for a quotation mark that is opened",
        ),
    ],
)
def test_lines_that_are_none_are_named(root, name, text, reason):
    with pytest.raises(RawError, match=rf"{name}: {reason}"):
        open_text(root, text, name)


@pytest.mark.parametrize(
    "label", ["\u00b2", "9" * 5000], ids=["a raised two", "thousands of digits"]
)
def test_what_only_looks_like_a_number_is_a_text(root, label):
    raw = open_text(root, f"c.jpg {label}\na b/3.jpg 1\n")
    assert {source.class_name for source in raw.splits["train"]} == {label, "1"}


def test_one_file_is_not_taken_twice_however_it_is_called(root):
    with pytest.raises(RawError, match=r"lines 1 and 3 both name .*c\.jpg"):
        open_text(root, f"c.jpg,cat,train\na b/3.jpg,dog,train\n{root}//c.jpg,cat,val\n", "x.csv")


def test_what_is_there_and_no_file_is_called_so(root):
    raw = open_text(root, "c.jpg cat\na b dog\n")
    with pytest.raises(ImageError, match="listed, but cannot be read: it is no plain file"):
        read_source(next(source for source in raw.splits["train"] if source.class_name == "dog"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_another_encoding_is_named(root, encoding):
    mark = "" if encoding == "utf-16" else "\ufeff"
    (root / "images.csv").write_bytes(f"{mark}c.jpg,cat\n".encode(encoding))
    with pytest.raises(RawError, match=r"images\.csv: is text in UTF-16; save it as UTF-8"):
        open_raw(root / "images.csv")


def test_a_name_without_end_is_cut_in_a_sentence():
    assert len(some(["x" * 5000, "y"])) < 300
