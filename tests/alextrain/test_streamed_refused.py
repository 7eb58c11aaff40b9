"""Tars that cannot be streamed: one sentence that names the thing, and nothing half done."""

import io
import shutil
import tarfile

import numpy as np
import pytest

from alexprep.errors import ShardError
from alexprep.settings import PrepSettings
from alextrain.data.foreign import Stream
from alextrain.data.streamed import StreamLoader
from alextrain.data.tars import names_tars

from .small_shards import encode, picture
from .small_tars import FIT, HERE, fit

SETTINGS = PrepSettings(size=72)
pytestmark = pytest.mark.usefixtures("cache")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pipe:touch {0}/boom", "pipe: is no scheme that is read"),
        ("{0}/t-000.tar::pipe:touch {0}/boom", "pipe: is no scheme that is read"),
        ("{{{0}/t-000.tar,pipe:touch {0}/boom}}", "pipe: is no scheme that is read"),
        ("ftp://host/a-{{0..3}}.tar", "ftp: is no scheme that is read"),
        ("{0}/t-{{000..009}}.tar", "t-003.tar: no such file"),
        ("{0}/t-000.tar::{0}/t-000.tar", "is named twice"),
        ("{0}/t-{{000..2.tar", "its braces do not fit together"),
        ("{0}/t-{{000..999999999999}}.tar", "its braces stand for more than 1,000,000 tars"),
        ("http://h/{{0..9999}}-{{1..101}}.tar", "its braces stand for more than 1,000,000 tars"),
    ],
)
def test_what_is_no_tar_is_refused_before_anything_runs(tars, tmp_path, text, words):
    result = fit(text.format(tars), *FIT, *HERE, "--run", tmp_path / "run")
    assert result.exit_code == 1
    assert words in result.output
    assert not (tars / "boom").exists()
    assert not (tmp_path / "run").exists()


def test_a_folder_with_several_splits_is_not_trained_on_whole(tars, tmp_path):
    for number, split in enumerate(("train", "train", "val")):
        shutil.copy(tars / "t-000.tar", tmp_path / f"{split}-{number:03}.tar")
    result = fit(tmp_path, *FIT, *HERE, "--run", tmp_path / "run")
    assert result.exit_code == 1
    assert "holds tars of train and val; name those of one split, as in '" in result.output


def test_what_is_damaged_or_not_said_is_named(tars, tmp_path):
    cut = tmp_path / "cut"
    cut.mkdir()
    (tmp_path / "cache").mkdir()
    data = (tars / "t-000.tar").read_bytes()
    (cut / "a.tar").write_bytes(data[: len(data) // 2])
    cases = [
        ([cut, *HERE], f"{cut}/a.tar: "),
        ([cut, *HERE, "--samples", 9], f"{cut}/a.tar: is cut or damaged"),
        ([tmp_path / "cache", *HERE], "cache: holds no shards of alexprep"),
        ([tars, *HERE, "--repeat", 2], "give --val TARS"),
        ([tars, *HERE[:-2]], "give --classes N"),
        ([tars, *HERE[:-1], 2], "has the label 2, and there are 2 classes; give --classes 3"),
        ([tars, *HERE, "--samples", 23], "the tars hold 22 samples, and --samples says 23"),
        ([tars, *HERE, "--holdout", 0.1], "give --val TARS"),
    ]
    for arguments, words in cases:
        result = fit(*arguments, *FIT, "--epochs", 1, "--run", tmp_path / "run")
        assert result.exit_code == 1, words
        assert words in result.output
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
    result = fit(tars, *FIT, *HERE[:-2], "--classes", 1, "--run", tmp_path / "run")
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("jpg", b"no picture"), ("cls", b"1")], "not an image"),
        ([("jpg", None), ("cls", b"cat")], "has the label 'cat'; expected a number"),
        ([("jpg", None)], "has no label; expected a number"),
        ([("jpg", None), ("cls", b"1"), ("cls", b"2")], "duplicate file name"),
    ],
)
def test_a_sample_that_is_none_is_named(tmp_path, members, words):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for extension, given in members:
            data = encode(picture(0, 72)) if given is None else given
            info = tarfile.TarInfo(f"x/7.{extension}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    loader = StreamLoader(Stream((str(path),)), 1, 3, SETTINGS, 1, 1)
    with pytest.raises(ShardError, match=words) as caught:
        list(loader.batches(np.arange(1)))
    loader.close()
    assert str(path) in str(caught.value)


def test_options_of_tars_are_refused_beside_a_set(shards, tmp_path):
    assert not names_tars(str(shards))
    result = fit(shards, *FIT[:-2], "--classes", 3, "--run", tmp_path / "run")
    assert result.exit_code == 2
    assert "--classes: of tars only" in result.output
