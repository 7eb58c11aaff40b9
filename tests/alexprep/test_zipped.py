"""Zip files of class folders: read in place, every check of what a hostile one may hold."""

import io
import os
import stat
import struct
import subprocess
import zipfile

import pytest

from alexprep.errors import ImageError, RawError
from alexprep.raw.source import read_source
from tests.alexprep.rawsets import open_as, tree, write_folders, write_zip

NAME = "train/a/1.jpg"


def listed(raw):
    return {
        split: [(s.class_name, s.name, s.size, read_source(s)) for s in sources]
        for split, sources in raw.splits.items()
    }


def first(path):
    return open_as("zip", path).splits["train"][0]


def patched(path, marker, at, value):
    """Overwrite bytes at a distance from the first (or, for the end mark, last) marker."""
    data = bytearray(path.read_bytes())
    data[(start := data.index(marker) + at) : start + len(value)] = value
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("prefix", ["", "imagenet/"])
def test_a_zip_gives_the_sources_of_the_folders_it_was_made_of(tmp_path, compression, prefix):
    files = tree() | {"train/n00000001/ü.JPEG": os.urandom(5000)}
    folders = open_as("imagefolder", write_folders(tmp_path / "raw", files))
    raw = open_as(None, write_zip(tmp_path / "raw.zip", files, compression, prefix))
    assert raw.layout == "zip"
    assert listed(raw) == listed(folders)


def test_a_zip_written_to_a_pipe_has_its_sums_behind_the_data(tmp_path):
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, block):
            self.data += block
            return len(block)

    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        pipe = Pipe()
        with zipfile.ZipFile(pipe, "w", compression) as archive:
            archive.writestr(NAME, b"some bytes" * 500)
        path = tmp_path / f"{compression}.zip"
        path.write_bytes(pipe.data)
        assert read_source(first(path)) == b"some bytes" * 500
        place = pipe.data.index(b"PK\7\x08") + 4
        pipe.data[place] ^= 1
        path.write_bytes(pipe.data)
        with pytest.raises(ImageError, match="its CRC-32 is another one"):
            read_source(first(path))


def test_zip64_numbers_and_bytes_before_the_archive_are_understood(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(65536):  # more than fit into the plain end record
            archive.writestr(zipfile.ZipInfo(f"train/a/{number}.jpg"), b"%d" % number)
    for before in (b"", b"#!/bin/sh\n" * 10):
        path = tmp_path / "raw.zip"
        path.write_bytes(before + buffer.getvalue())
        sources = open_as("zip", path).splits["train"]
        assert len(sources) == 65536
        source = next(s for s in sources if s.name == "train/a/54321.jpg")
        assert read_source(source) == b"54321"


def test_info_zips_own_files_are_read(tmp_path):
    files = tree()
    write_folders(tmp_path, files)
    try:
        subprocess.run(["zip", "-qr", "raw.zip", "train", "val"], cwd=tmp_path, check=True)
    except FileNotFoundError:
        pytest.skip("no zip program here")
    assert listed(open_as("zip", tmp_path / "raw.zip")) == listed(open_as("imagefolder", tmp_path))


def test_names_that_lead_out_lead_nowhere(tmp_path):
    path = write_zip(tmp_path / "raw.zip", {"../../train/a/../2.jpg": b"x", NAME: b"y"})
    names = [source.name for source in open_as("zip", path).splits["train"]]
    assert names == [NAME, "train/a/2.jpg"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("cut", [1, 10, 22, 60, 200])
def test_a_cut_zip_is_refused(tmp_path, cut):
    path = write_zip(tmp_path / "raw.zip", tree())
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(RawError, match=r"raw\.zip: (cut short at|damaged)"):
        open_as("zip", path)


def test_what_is_no_zip_is_refused(tmp_path):
    (tmp_path / "raw.zip").write_bytes(b"<html>not found</html>")
    with pytest.raises(RawError, match=r"no zip file \(it begins with b'<html>no'\)"):
        open_as(None, tmp_path / "raw.zip")


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (8, b"\1\0", r"train/a/1\.jpg is encrypted"),
        (10, b"\x0e\0", "is compressed by method 14"),
        (24, struct.pack("<L", 2**31), "claims 2,147,483,648 bytes made of 300, as a bomb would"),
    ],
)
def test_members_that_cannot_be_read_in_place_are_named(tmp_path, at, value, reason):
    path = write_zip(tmp_path / "raw.zip", {NAME: b"x" * 300})
    with pytest.raises(RawError, match=reason):
        open_as("zip", patched(path, b"PK\1\2", at, value))


def test_a_link_is_refused(tmp_path):
    info = zipfile.ZipInfo(NAME)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(RawError, match="is a link"):
        open_as("zip", tmp_path / "raw.zip")


def test_members_that_share_their_bytes_are_refused_as_a_bomb(tmp_path):
    path = write_zip(tmp_path / "raw.zip", {f"train/a/{i}.jpg": b"x" * 999 for i in range(9)})
    data = path.read_bytes()
    directory, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    entries = b"".join(
        b"PK\1\2" + entry[:38] + bytes(4) + entry[42:]  # all at offset 0
        for entry in data[directory:end].split(b"PK\1\2")[1:]
    )
    mark = bytearray(data[end:])
    mark[16:20] = struct.pack("<L", 999 + 43)
    path.write_bytes(data[: 999 + 43] + entries + mark)
    with pytest.raises(RawError, match="its members take 9,261 bytes where the file has"):
        open_as("zip", path)


def test_damaged_content_is_one_bad_file(tmp_path):
    stored = write_zip(tmp_path / "stored.zip", {NAME: b"x" * 300})
    source = first(patched(stored, b"xxxx", 7, b"y"))
    with pytest.raises(ImageError, match="its CRC-32 is another one"):
        read_source(source)
    packed = write_zip(tmp_path / "packed.zip", {NAME: os.urandom(300)}, zipfile.ZIP_DEFLATED)
    source = first(patched(packed, b"1.jpg", 5, b"\xff" * 20))
    with pytest.raises(ImageError, match="cannot be inflated"):
        read_source(source)


def test_no_more_is_unpacked_than_was_listed(tmp_path):
    path = write_zip(tmp_path / "raw.zip", {NAME: bytes(10_000_000)}, zipfile.ZIP_DEFLATED)
    source = first(patched(path, b"PK\1\2", 24, struct.pack("<L", 1000)))
    with pytest.raises(ImageError, match="more than the 1,000 bytes that its archive says"):
        read_source(source)


def test_an_archive_that_was_replaced_meanwhile_is_told(tmp_path):
    path = write_zip(tmp_path / "raw.zip", {NAME: b"x" * 300})
    source = first(path)
    path.write_bytes(b"another file" * 100)
    with pytest.raises(RawError, match="no member of a zip file at byte 0"):
        read_source(source)


@pytest.mark.parametrize("counted", [0, 1, 3])
def test_a_directory_with_another_number_of_members_is_refused(tmp_path, counted):
    path = write_zip(tmp_path / "raw.zip", {NAME: b"x" * 300, "train/b/1.jpg": b"y" * 300})
    number = struct.pack("<H", counted)
    with pytest.raises(RawError, match=r"raw\.zip: damaged \(its directory"):
        open_as("zip", patched(path, b"PK\5\6", 8, number * 2))
