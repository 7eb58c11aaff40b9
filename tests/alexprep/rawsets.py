"""Builders of small raw sets in every layout, from one dict of name -> bytes."""

import io
import struct
import tarfile
import zipfile
import zlib

from alexprep.raw.detect import open_raw

WORDS = {"n00000001": "tench, Tinca tinca", "n00000002": "señorita", "n00000003": "ox"}
IDS = {"n00000001": 3, "n00000002": 1, "n00000003": 2}  # not in the order of the wnids


def tree(train=5, val=4):
    """Name -> bytes, as in class folders; val images of the three classes take turns."""
    files = {}
    for label, wnid in enumerate(WORDS):
        for i in range(train):
            name = f"train/{wnid}/{wnid}_{7 * i + label}.JPEG"
            files[name] = bytes([label, i]) * (300 + 170 * i)
    for i in range(val):
        wnid = list(WORDS)[(2 * i) % 3]
        files[f"val/{wnid}/ILSVRC2012_val_{i + 1:08d}.JPEG"] = b"v%d" % i * (i + 1)
    return files


def open_as(layout, path):
    return open_raw(path, layout)


def write_folders(root, files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def tar_bytes(files, kind=tarfile.USTAR_FORMAT):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def write_tar(path, files, prefix=""):
    path.write_bytes(tar_bytes({prefix + name: data for name, data in files.items()}))
    return path


def write_zip(path, files, compression=zipfile.ZIP_STORED, prefix=""):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(prefix + name, data)
    return path


def train_archive(files):
    """The bytes of ILSVRC2012_img_train.tar: one archive for each class, in falling order."""
    classes = sorted({name.split("/")[1] for name in files if name.startswith("train/")})
    return tar_bytes(
        {
            f"{wnid}.tar": tar_bytes(
                {name.split("/")[2]: files[name] for name in files if f"train/{wnid}/" in name}
            )
            for wnid in reversed(classes)
        }
    )


def val_archive(files):
    """The bytes of ILSVRC2012_img_val.tar: flat, in falling order of the names."""
    flat = {name.split("/")[2]: files[name] for name in files if name.startswith("val/")}
    return tar_bytes(dict(sorted(flat.items(), reverse=True)))


def ground_truth(files):
    images = sorted((name.split("/")[2], name.split("/")[1]) for name in files if "val/" in name)
    return "".join(f"{IDS[wnid]}\n" for _, wnid in images).encode()


def devkit_files(files):
    return {
        "meta.mat": encode_meta(),
        "ILSVRC2012_validation_ground_truth.txt": ground_truth(files),
    }


def devkit_archive(files):
    folder = "ILSVRC2012_devkit_t12/data"
    packed = tar_bytes({f"{folder}/{name}": data for name, data in devkit_files(files).items()})
    compress = zlib.compressobj(wbits=31)
    return compress.compress(packed) + compress.flush()


def write_official(root, files):
    root.mkdir(parents=True, exist_ok=True)
    (root / "ILSVRC2012_img_train.tar").write_bytes(train_archive(files))
    (root / "ILSVRC2012_img_val.tar").write_bytes(val_archive(files))
    (root / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(devkit_archive(files))
    return root


def encode_meta(compressed=True, release="ILSVRC2012", train=None):
    """A meta.mat of the three classes and one ancestor, as MATLAB 5 writes it."""
    rows = [(IDS[wnid], wnid, WORDS[wnid], f"gloss of {wnid}", 0) for wnid in IDS]
    rows = [*sorted(rows), (4, "n00000000", "entity", "", 3)]
    fields = (f"{release}_ID", "WNID", "words", "gloss", "num_children", "children")
    rows = [(*row, ()) for row in rows]
    if train is not None:
        fields += ("num_train_images",)
        rows = [(*row, train.get(row[1], 0)) for row in rows]
    values = b"".join(_cell(value) for row in rows for value in row)
    names = b"".join(field.encode().ljust(17, b"\0") for field in fields)
    body = _element(5, struct.pack("<i", 17)) + _element(1, names) + values
    matrix = _matrix(2, (len(rows), 1), body, b"synsets")
    other = _cell("a variable before it")
    if compressed:
        packed = zlib.compress(matrix)
        matrix = struct.pack("<II", 15, len(packed)) + packed
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\x01IM" + other + matrix


def _element(kind, data):
    if 0 < len(data) <= 4:
        return struct.pack("<HH", kind, len(data)) + data.ljust(4, b"\0")
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def _matrix(kind, shape, body, name=b""):
    head = _element(6, struct.pack("<II", kind, 0)) + _element(5, struct.pack("<2i", *shape))
    return _element(14, head + _element(1, name) + body)


def _cell(value):
    if isinstance(value, str):
        return _matrix(4, (1, len(value)), _element(16, value.encode()))
    if isinstance(value, int):
        return _matrix(6, (1, 1), _element(9, struct.pack("<d", value)))
    return _matrix(6, (0, 0), _element(9, b""))
