"""Tars that others made, imported without a byte of them changed."""

import io
import json
import struct
import tarfile
import zlib

import numpy as np
import pytest
from PIL import Image

from alexprep.checking.verify import verify
from alexprep.errors import ImageError, RawError, ShardError
from alexprep.exchange.foreign import adopt
from alexprep.files import sha256_file
from alexprep.measuring.measure import measure
from alexprep.measuring.stored import decode_stored
from alexprep.shards.manifest import Manifest
from alexprep.shards.reader import ShardReader

from .commands import run
from .shardsets import encode, noise


def write(path, samples):
    """A tar as another program writes it: pax headers, owners, times, members of more kinds."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in samples:
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.uname, info.uid = len(data), 1_700_000_000.5, "me", 1000
            archive.addfile(info, io.BytesIO(data))


def samples_of(images, first=0, extension="jpg"):
    for number, image in enumerate(images, first):
        yield f"{number:06d}.{extension}", encode(image, "png" if extension == "png" else "jpg")
        yield f"{number:06d}.cls", b"%d\n" % (number % 3)
        yield f"{number:06d}.json", json.dumps({"number": number}).encode()


IMAGES = noise(7, 12, 24)


@pytest.fixture
def tars(tmp_path):
    folder = tmp_path / "tars"
    folder.mkdir()
    write(folder / "set-train-000000.tar", samples_of(IMAGES[:5]))
    write(folder / "set-train-000001.tar", samples_of(IMAGES[5:8], 5))
    write(folder / "set-validation-000000.tar", samples_of(IMAGES[8:], 0))
    return folder


def test_samples_are_found_with_their_labels(tars):
    manifest = adopt(tars, jobs=1)
    assert (manifest.layout, manifest.splits) == ("foreign", ("train", "val"))
    assert manifest.classes == ("0", "1", "2")
    reader = ShardReader(tars, "train")
    assert reader.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert reader.shard_sizes.tolist() == [5, 3]
    assert [reader.key(number) for number in (0, 5)] == ["0/000000", "2/000005"]
    for number in range(8):
        assert reader.read(number) == encode(IMAGES[number], "jpg")
    reader.close()


def test_no_tar_is_changed_and_what_was_there_stays(tars):
    (tars / "_info.json").write_text("{}")
    before = {path.name: sha256_file(path) for path in tars.iterdir()}
    adopt(tars, jobs=2)
    assert {name: sha256_file(tars / name) for name in before} == before
    assert verify(tars) == []


def test_nothing_is_claimed_about_how_they_were_made(tars):
    adopt(tars, jobs=1)
    assert "24x24, made elsewhere; JPEG\n" in run("info", tars).output


def test_statistics_are_those_of_the_stored_images(tars):
    adopt(tars, jobs=1)
    stored = [Image.open(io.BytesIO(encode(image, "jpg"))) for image in IMAGES[:8]]
    total = sum(np.asarray(image, np.int64) for image in stored)
    assert np.array_equal(measure(tars).pixel_sum, total)


def test_png_is_taken_too(tmp_path):
    write(tmp_path / "a.tar", samples_of(IMAGES[:4], extension="png"))
    adopt(tmp_path, jobs=1)
    assert np.array_equal(measure(tmp_path).pixel_sum, IMAGES[:4].sum(axis=0, dtype=np.int64))


@pytest.mark.parametrize("deep", [False, True])
def test_verify_knows_them_and_sees_a_flipped_bit(tars, deep):
    adopt(tars, jobs=1)
    assert verify(tars, deep=deep) == []
    path = tars / "set-train-000001.tar"
    data = bytearray(path.read_bytes())
    data[2000] ^= 1
    path.write_bytes(data)
    assert [finding.file for finding in verify(tars, deep=deep)] == [path.name]


def test_names_of_classes_come_from_a_file(tars, tmp_path):
    (tmp_path / "names.txt").write_text("kit fox\nsoup bowl\nseñorita\nnever seen\n")
    result = run("import", tars, "--classes", tmp_path / "names.txt", "--stats", "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "8 train, 4 val images, 24x24, 4 classes, in 3 tars" in result.output
    assert Manifest.load(tars).words == ("kit fox", "soup bowl", "señorita", "never seen")
    assert (tars / "stats.npz").is_file()
    assert f"Next: alextrain fit {tars}" in result.output


def test_classes_of_one_name_stay_apart(tars):
    manifest = adopt(tars, ["crane", "ox", "crane"], jobs=1)
    assert manifest.words == ("crane", "ox", "crane")
    assert manifest.classes == ("0", "1", "2")


def test_labels_that_are_texts_are_classes(tmp_path):
    images = [encode(image, "jpg") for image in IMAGES[:2]]
    members = [("a.jpg", images[0]), ("a.txt", b"ox"), ("b.jpg", images[1]), ("b.txt", b"fox")]
    write(tmp_path / "x.tar", members)
    assert adopt(tmp_path, jobs=1).classes == ("fox", "ox")
    reader = ShardReader(tmp_path, "train")
    assert reader.labels.tolist() == [1, 0]
    reader.close()


def test_one_key_in_two_tars_is_two_samples(tmp_path):
    for name in ("a.tar", "b.tar"):
        write(tmp_path / name, samples_of(IMAGES[:2]))
    adopt(tmp_path, jobs=1)
    reader = ShardReader(tmp_path, "train")
    assert len({reader.key(number) for number in range(4)}) == 4
    reader.close()


def test_a_changed_tar_of_others_is_imported_anew_not_repaired(tars):
    adopt(tars, jobs=1)
    path = tars / "set-train-000001.tar"
    data = bytearray(path.read_bytes())
    data[3000] ^= 1
    path.write_bytes(data)
    for options in ((), ("--repair", tars)):
        result = run("verify", tars, *options)
        assert result.exit_code == 1
        assert result.output.endswith(f"then: alexprep import {tars}\n")
        assert "--repair" not in result.output


def refused(folder, kind, match, names=()):
    before = sorted(folder.iterdir())
    with pytest.raises(kind, match=match):
        adopt(folder, names, jobs=1)
    assert sorted(folder.iterdir()) == before


def test_what_is_no_square_is_refused(tmp_path):
    write(tmp_path / "a.tar", samples_of([*IMAGES[:2], IMAGES[2][:20]]))
    refused(tmp_path, ShardError, r"a.tar, 000002.jpg: is 24x20, .* `alexprep shard` instead")


def test_images_of_two_sizes_are_refused(tmp_path):
    write(tmp_path / "a.tar", samples_of(IMAGES[:2]))
    write(tmp_path / "b.tar", samples_of([IMAGES[2][:16, :16]]))
    refused(tmp_path, ShardError, r"images differ \(16x16 jpg, 24x24 jpg\); expected one size")


def test_other_formats_and_damaged_images_are_refused(tmp_path):
    write(tmp_path / "a.tar", [("a.webp", b"RIFF"), ("a.cls", b"0")])
    refused(tmp_path, ShardError, "a.webp: is neither JPEG nor PNG")
    write(tmp_path / "a.tar", [("a.jpg", b"not one"), ("a.cls", b"0")])
    refused(tmp_path, ShardError, "a.jpg: does not decode")


def test_cmyk_is_refused(tmp_path):
    buffer = io.BytesIO()
    Image.new("CMYK", (24, 24)).save(buffer, "JPEG")
    write(tmp_path / "a.tar", [("a.jpg", buffer.getvalue()), ("a.cls", b"0")])
    refused(tmp_path, ShardError, "is 24x24, CMYK; expected a square in RGB or gray")


def test_tars_without_labels_are_refused(tmp_path):
    write(tmp_path / "a.tar", [("a.jpg", encode(IMAGES[0], "jpg"))])
    refused(tmp_path, ShardError, "holds no image with a label beside it")


def test_a_folder_without_tars_and_a_cut_tar_are_refused(tmp_path, tars):
    (tmp_path / "none").mkdir()
    refused(tmp_path / "none", ShardError, "holds no .tar")
    path = tars / "set-train-000000.tar"
    path.write_bytes(path.read_bytes()[:3000])
    refused(tars, RawError, "set-train-000000.tar")


def test_too_few_names_and_a_set_of_ours_are_refused(tars):
    refused(tars, ShardError, "2 names of classes were given, and there is a label 2", ["a", "b"])
    adopt(tars, jobs=1)
    refused(tars, ShardError, "holds shards of alexprep already")


@pytest.mark.parametrize(
    ("content", "match"),
    [(b"ox\n\nfox\n", "line 2 is empty"), (b"\xff\xfe\x00", "no text in UTF-8")],
)
def test_a_file_of_names_that_is_none_is_refused_in_a_sentence(tars, tmp_path, content, match):
    (tmp_path / "names.txt").write_bytes(content)
    result = run("import", tars, "--classes", tmp_path / "names.txt")
    assert result.exit_code == 1
    assert match in result.output
    missing = run("import", tars, "--classes", tmp_path / "none.txt")
    assert "none.txt: cannot be read (No such file" in missing.output


def png(mode="RGB", side=24, **options):
    buffer = io.BytesIO()
    Image.new(mode, (side, side)).save(buffer, "PNG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "I;16"])
def test_a_png_that_decoders_differ_about_is_refused(tmp_path, mode):
    write(tmp_path / "a.tar", [("a.png", png(mode)), ("a.cls", b"0")])
    refused(tmp_path, ShardError, "is 24x24, .* or transparent; expected a square in RGB or gray")


def test_a_transparent_palette_is_refused_and_a_plain_one_taken(tmp_path):
    write(tmp_path / "a.tar", [("a.png", png("P", transparency=0)), ("a.cls", b"0")])
    refused(tmp_path, ShardError, "or transparent; expected a square")
    write(tmp_path / "a.tar", [("a.png", png("P")), ("a.cls", b"0")])
    assert adopt(tmp_path, jobs=1).settings.format == "png"


def claiming(side):
    """A PNG whose header says another side, and nothing else is different."""
    data = bytearray(png())
    data[16:24] = struct.pack(">II", side, side)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def test_a_bomb_is_refused(tmp_path):
    write(tmp_path / "a.tar", [("a.png", claiming(30_000)), ("a.cls", b"0")])
    refused(tmp_path, ShardError, r"a\.png: does not decode .*exceeds limit")
    for side, reason in ((30_000, "does not decode .*exceeds limit"), (5000, "is 5000x5000, not")):
        with pytest.raises(ImageError, match=reason):
            decode_stored(claiming(side), "png", np.empty((24, 24, 4), np.uint8))


def test_images_too_small_for_a_set_are_refused(tmp_path):
    write(tmp_path / "a.tar", samples_of(IMAGES[:2, :4, :4]))
    refused(tmp_path, ShardError, "images are 4x4; expected 8 to 4096")


def test_one_key_twice_in_a_tar_is_refused(tmp_path):
    write(tmp_path / "a.tar", [*samples_of(IMAGES[:2]), *samples_of(IMAGES[2:4])])
    refused(tmp_path, ShardError, r"a\.tar: holds 2 samples called 000000")


def test_hidden_tars_are_taken_by_their_own_names(tmp_path):
    write(tmp_path / ".a.tar", samples_of(IMAGES[:2]))
    adopt(tmp_path, jobs=1)
    assert verify(tmp_path) == []


def test_a_folder_that_is_not_there_is_said_to_be_so(tmp_path):
    with pytest.raises(ShardError, match="none: no such folder; name the folder of the WebDataset"):
        adopt(tmp_path / "none")
