import gzip
import io
import tarfile

import pytest

from alexprep.errors import RawError
from alexprep.raw.tarwalk import BLOCK, walk
from tests.alexprep.rawsets import tar_bytes

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
FILES = {
    "train/a/short.JPEG": b"x" * 700,
    "train/a/empty.JPEG": b"",
    "train/a/block.JPEG": b"y" * BLOCK,
    "train/" + "f" * 60 + "/" + "n" * 90: b"z" * 3,  # ustar splits it into prefix and name
    "train/a/last.JPEG": b"w" * 1000,
}


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "raw.tar"
    path.write_bytes(tar_bytes(FILES))
    return path


def contents(path, members):
    data = path.read_bytes()
    return {name: data[offset : offset + size] for name, offset, size in members}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_names_and_bytes(tmp_path, kind):
    path = tmp_path / "raw.tar"
    files = dict(FILES)
    if kind != tarfile.USTAR_FORMAT:
        files |= {"train/é/" + "long/" * 60 + "ü.JPEG": b"deep", "train/a/after.JPEG": b"plain"}
    path.write_bytes(tar_bytes(files, kind))
    assert contents(path, walk(path)) == files


def test_real_archives_are_walked_as_tarfile_walks_them(shared_data):
    path = shared_data / "imagenet-originals.tar"
    with tarfile.open(path) as members:
        expected = [(m.name, m.offset_data, m.size) for m in members if m.isfile()]
    assert list(walk(path)) == expected


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_over_8_gigabytes_are_stepped_over(tmp_path, kind):
    path = tmp_path / "huge.tar"
    huge = tarfile.TarInfo("huge")
    huge.size = 9 << 30
    head = huge.tobuf(kind)
    with path.open("wb") as file:  # a sparse file: next to nothing on the disk
        file.write(head)
        file.seek(huge.size, io.SEEK_CUR)
        file.write(tar_bytes({"next": b"12"}))
    start = len(head)
    assert list(walk(path)) == [("huge", start, 9 << 30), ("next", start + (9 << 30) + BLOCK, 2)]


def test_folders_are_passed_over_and_links_refused(tmp_path):
    def write(kind, name):
        info = tarfile.TarInfo(name)
        info.type = kind
        info.linkname = "file"
        path.write_bytes(tar_bytes({"file": b"data"})[: 2 * BLOCK] + info.tobuf() + bytes(1024))
        return [found for found, _, _ in walk(path)]

    path = tmp_path / "raw.tar"
    assert write(tarfile.DIRTYPE, "folder") == ["file"]
    assert write(tarfile.AREGTYPE, "old style folder/") == ["file"]
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        with pytest.raises(RawError, match=r"the-link is a link.*--dereference"):
            write(kind, "the-link")
    with pytest.raises(RawError, match="of kind '6'"):
        write(tarfile.FIFOTYPE, "pipe")


def test_names_that_are_no_utf8_keep_their_bytes(tmp_path):
    path = tmp_path / "raw.tar"
    name = b"train/a/caf\xe9.JPEG".decode("utf-8", "surrogateescape")
    path.write_bytes(tar_bytes({name: b"data"}))
    assert contents(path, walk(path)) == {name: b"data"}


def test_signed_checksums_of_old_programs_are_taken(tmp_path):
    path = tmp_path / "raw.tar"
    data = bytearray(tar_bytes({b"caf\xe9".decode("utf-8", "surrogateescape"): b"x"}))
    unsigned = sum(data[:148]) + 8 * 32 + sum(data[156:BLOCK])
    data[148:156] = b"%06o\0 " % (unsigned - 256)
    path.write_bytes(data)
    assert [size for _, _, size in walk(path)] == [1]


def test_an_inner_archive_is_walked_by_offset(tmp_path):
    inner = tar_bytes(FILES)
    path = tmp_path / "outer.tar"
    path.write_bytes(tar_bytes({"before.tar": b"b" * 99, "inner.tar": inner}))
    _, (_, start, size) = walk(path)
    assert contents(path, walk(path, start, start + size)) == FILES


def test_an_archive_cut_anywhere_names_its_last_whole_member(tmp_path, archive):
    data = archive.read_bytes()
    members = list(walk(archive))
    end_mark = members[-1][1] + 1024
    cut = tmp_path / "cut.tar"
    for length in [*range(BLOCK, end_mark + BLOCK, BLOCK), *range(1, end_mark + BLOCK, 301)]:
        cut.write_bytes(data[:length])
        whole = [name for name, offset, size in members if offset + size <= length]
        expected = f"its last whole member is {whole[-1]};" if whole else "it has no whole member"
        with pytest.raises(RawError, match="cut short at") as caught:
            list(walk(cut))
        assert f"cut.tar: cut short at {length:,} bytes; {expected}" in str(caught.value)
    cut.write_bytes(data[: end_mark + BLOCK])  # one empty block is an end
    assert list(walk(cut)) == members


def test_an_inner_archive_cut_inside_a_member_is_named_in_its_outer(tmp_path):
    inner = tar_bytes(FILES)
    path = tmp_path / "outer.tar"
    path.write_bytes(tar_bytes({"n01.tar": inner[: 2 * BLOCK]}))
    ((name, start, size),) = walk(path)
    with pytest.raises(RawError, match=r"outer\.tar, n01\.tar in it: cut short"):
        list(walk(path, start, start + size, inside=name))


def test_any_flipped_byte_of_a_header_is_noticed(archive):
    data = archive.read_bytes()
    second = 3 * BLOCK  # after 700 bytes
    for place in range(second, second + 300, 7):
        flipped = bytearray(data)
        flipped[place] ^= 0x41
        archive.write_bytes(flipped)
        with pytest.raises(RawError, match=r"damaged at byte 1,536, after .* train/a/short\.JPEG"):
            list(walk(archive))


@pytest.mark.parametrize("tail", [b"\0" * (3 << 20), tar_bytes({"train/a/more.JPEG": b"lost"})])
def test_a_hole_is_not_taken_for_the_end(archive, tail):
    archive.write_bytes(archive.read_bytes() + tail)
    with pytest.raises(RawError, match="not downloaded whole, or archives were joined"):
        list(walk(archive))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"hello", "cut short at 5 bytes; it has no whole member"),
        (b"hello " * 200, "no tar archive .it begins with b'hello he'"),
        (gzip.compress(tar_bytes(FILES)) + bytes(BLOCK), "compressed with gzip"),
        (b"PK\3\4" + bytes(BLOCK), "a zip file"),
    ],
)
def test_what_is_no_tar_is_called_by_its_name(archive, data, reason):
    archive.write_bytes(data)
    with pytest.raises(RawError, match=reason):
        list(walk(archive))


@pytest.mark.parametrize(
    "records", [b"99 path=x\n", b"x path=y\n", b"0 \n", b"9 path=ab\n", b"9" * 5000 + b" size=1\n"]
)
def test_damaged_pax_records_are_named(archive, records):
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    archive.write_bytes(info.tobuf() + records.ljust(BLOCK, b"\0") + tar_bytes(FILES))
    with pytest.raises(RawError, match="damaged at byte 512"):
        list(walk(archive))


def test_a_size_of_thousands_of_digits_is_that_of_a_cut_archive(archive):
    records = b"5020 size=" + b"9" * 5009 + b"\n"
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    padded = records.ljust(-(-len(records) // BLOCK) * BLOCK, b"\0")
    archive.write_bytes(info.tobuf() + padded + tar_bytes(FILES))
    with pytest.raises(RawError, match="cut short"):
        list(walk(archive))


def test_a_sparse_member_is_called_so(tmp_path):
    info = tarfile.TarInfo("train/a/1.jpg")
    info.pax_headers = {"GNU.sparse.major": "1"}
    with tarfile.open(tmp_path / "raw.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info)
    with pytest.raises(RawError, match="a member is a sparse file, and only plain files are read"):
        list(walk(tmp_path / "raw.tar"))
