"""Builders of the layouts that need more than folders and tars: flat splits, Kaggle, 2010, lists.

All take the same dict of name -> bytes as those in rawsets.py.
"""

import csv
import zipfile

from tests.alexprep.rawsets import (
    IDS,
    WORDS,
    devkit_files,
    encode_meta,
    tar_bytes,
    train_archive,
    tree,
    write_folders,
)

VAL = "ILSVRC2012_val_0000000"


def labelled(files, split="val"):
    """(file name, class) of each image of a split, by name."""
    found = (name.split("/") for name in files if name.startswith(f"{split}/"))
    return sorted((name, wnid) for _, wnid, name in found)


def flat(files, *splits):
    """The same files with all images of some splits in one folder."""
    return {
        "/".join(name.split("/")[::2]) if name.split("/")[0] in splits else name: data
        for name, data in files.items()
    }


def write_devkit(root, files):
    folder = "ILSVRC2012_devkit_t12/data"
    write_folders(root, {f"{folder}/{name}": data for name, data in devkit_files(files).items()})


def write_caffe(root, files):
    """val.txt as in Caffe's tarball: name and position of the wnid among all, sorted."""
    order = sorted(WORDS)
    lines = [f"{name} {order.index(wnid)}\n" for name, wnid in labelled(files)]
    (root / "val.txt").write_text("".join(lines))


def write_solution(root, files):
    with (root / "LOC_val_solution.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ImageId", "PredictionString"])
        for name, wnid in reversed(labelled(files)):
            writer.writerow([name.removesuffix(".JPEG"), f"{wnid} 1 2 30 40 n00000003 5 6 7 8 "])


def write_flat_val(root, files, write_truth):
    root = write_folders(root, flat(files, "val"))
    write_truth(root, files)
    return root


def write_kaggle(root, files):
    images = flat(files, "val") | {"test/ILSVRC2012_test_00000001.JPEG": b"t"}
    write_folders(root / "ILSVRC" / "Data" / "CLS-LOC", images)
    counted = "".join(f"{VAL}{i} {i}\n" for i in range(1, 5))
    write_folders(root, {"ILSVRC/ImageSets/CLS-LOC/val.txt": counted.encode()})
    write_solution(root, files)
    lines = "".join(f"{wnid} {words}\n" for wnid, words in sorted(WORDS.items()))
    (root / "LOC_synset_mapping.txt").write_text(lines)
    return root


def write_kaggle_zip(root, files):
    """Kaggle's download as it comes."""
    folder = write_kaggle(root.with_name(f"{root.name}-unpacked"), files)
    write_folders(folder, {"ILSVRC/Annotations/CLS-LOC/val/a.xml": b"<x/>"})
    path = root.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


def tree_2010(test=5):
    """As `tree`, with val and test images called as those of 2010."""
    files = {name.replace("2012_val", "2010_val"): data for name, data in tree().items()}
    for i in range(test):
        wnid = list(WORDS)[i % 3]
        files[f"test/{wnid}/ILSVRC2010_test_{i + 1:08d}.JPEG"] = b"t%d" % i * (i + 1)
    return files


def truth_2010(files, split):
    return "".join(f"{IDS[wnid]}\n" for _, wnid in labelled(files, split)).encode()


def write_devkit_2010(root, files):
    train = {wnid: sum(f"train/{wnid}/" in name for name in files) for wnid in WORDS}
    write_folders(
        root,
        {
            "devkit-1.0/data/meta.mat": encode_meta(release="ILSVRC2010", train=train),
            "devkit-1.0/data/ILSVRC2010_validation_ground_truth.txt": truth_2010(files, "val"),
            "ILSVRC2010_test_ground_truth.txt": truth_2010(files, "test"),
        },
    )


def write_2010(root, files):
    """The archives of 2010; val and test images lie in a folder inside theirs."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "ILSVRC2010_images_train.tar").write_bytes(train_archive(files))
    for split in ("val", "test"):
        packed = {
            f"{split}/{name}": files[f"{split}/{w}/{name}"] for name, w in labelled(files, split)
        }
        (root / f"ILSVRC2010_images_{split}.tar").write_bytes(tar_bytes(packed))
    write_devkit_2010(root, files)
    return root


def write_list(root, files, name="images.csv"):
    """A list with splits beside class folders."""
    write_folders(root, files)
    with (root / name).open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if name.endswith("tsv") else ",")
        writer.writerow(["label", "path", "split"])
        writer.writerows([path.split("/")[1], path, path.split("/")[0]] for path in files)
    return root / name
