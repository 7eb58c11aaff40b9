"""Real awkward files and real originals."""

import tarfile
import warnings

import numpy as np

from tests.alexprep.pictures import (
    levels,
    pixels,
    reason,
)

NOT_DECODED = {
    "libjpeg-turbo-monkey12.jpg": "damaged data (Unsupported JPEG data precision 12)",
    "manifest.tsv": "not an image (text)",
    "pillow-tests-dummy.container": "not an image (text)",
    "pillow-tests-hopper_bad_exif.jpg": "damaged data (1214 extraneous bytes before marker 0xd0)",
    "pillow-tests-ultrahdr.jpg": "pixels are missing",
    "twelvemonkeys-513f29d0-02a8-11e7-9756-6035edb96e79.jpg": "without a readable header",
    "twelvemonkeys-5145e95a-02a8-11e7-8372-4787a7307ab8.jpg": "not an image of a known format",
    "twelvemonkeys-514c48ea-02a8-11e7-8789-bb75321f404f.jpg": "without a readable header",
    "twelvemonkeys-515e763c-02a8-11e7-85fb-573b41201f05.jpg": "without a readable header",
    "twelvemonkeys-broken-adobe-marker-bad-length.jpg": "without a readable header",
    "twelvemonkeys-broken-bogus-segment-length.jpg": "Bogus marker length",
    "twelvemonkeys-broken-no-sof-ascii-transfer-mode.jpg": "without a readable header",
    "twelvemonkeys-gradient_ls_pt.jpg": "damaged data",
}
REPAIRED = {
    "pillow-tests-icc-after-SOF.jpg": "damaged header",
    "pillow-tests-jfif_unit_cm.jpg": "corrupt EXIF",
    "pillow-tests-junk_jpeg_header.jpg": "damaged header",
    "pillow-tests-photoshop-200dpi-broken.jpg": "damaged header",
    "pillow-tests-truncated_exif_dpi.jpg": "corrupt EXIF",
    "pillow-tests-truncated_jpeg.jpg": "missing end marker",
    "twelvemonkeys-R-7439-1151526181.jpeg": "trailing bytes",
    "twelvemonkeys-exif-empty-icc-profile.jpeg": "damaged header",
    "twelvemonkeys-exif-with-interop-subdir-eof.jpg": "corrupt EXIF",
    "twelvemonkeys-gray-sample.jpg": "trailing bytes",
    "twelvemonkeys-invalid-icc-duplicate-sequence-numbers-rgb-internal-kodak-srgb-jfif.jpg": (
        "damaged header"
    ),
    "twelvemonkeys-jfif-cmyk-invalid-icc-profile-srgb.jpg": "trailing bytes",
}
PILLOW_CANNOT = {"twelvemonkeys-f-18.jpg", "twelvemonkeys-testimg_rgb.jpg"}  # lossless JPEG


def test_real_awkward_files_give_pillows_levels_or_a_reason(shared_data):
    seen = 0
    with tarfile.open(shared_data / "awkward.tar") as archive:
        for member in archive:
            if not member.isfile():
                continue
            name = member.name.split("/")[-1]
            data = archive.extractfile(member).read()
            seen += 1
            if name in NOT_DECODED:
                assert NOT_DECODED[name] in reason(data), name
                continue
            found, notes = pixels(data)
            assert [note for note in notes if note.startswith("repaired")] == (
                [f"repaired: {REPAIRED[name]}"] if name in REPAIRED else []
            ), name
            if name in PILLOW_CANNOT or REPAIRED.get(name) == "missing end marker":
                continue
            if data.startswith(b"\xff\xd8"):
                expected = jpeg_levels_by_pillow(data)
                assert np.array_equal(found, expected), name
    assert seen == 87


def jpeg_levels_by_pillow(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata
        return levels(data)


def test_real_originals_are_all_pictures(shared_data):
    notes = {}
    with tarfile.open(shared_data / "imagenet-originals.tar") as archive:
        for member in archive:
            if member.isfile():
                data = archive.extractfile(member).read()
                found, given = pixels(data)
                assert np.array_equal(found, levels(data)), member.name
                notes[given] = notes.get(given, 0) + 1
    assert notes == {(): 210, ("converted: grayscale",): 10}
