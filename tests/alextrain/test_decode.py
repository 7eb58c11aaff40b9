import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from alexprep.errors import ImageError
from alextrain.data.decode import decode_into
from tests.alextrain.small_shards import encode, picture


def decoded(data, size=32):
    out = np.full((size, size, 3), 77, np.uint8)
    decode_into(data, out)
    return out


def test_jpegs_are_decoded_as_pil_decodes_them():
    data = encode(picture(1, 32))
    assert np.array_equal(decoded(data), np.asarray(Image.open(io.BytesIO(data))))


def test_real_photographs_are_decoded_as_pil_decodes_them(shared_data):
    with tarfile.open(shared_data / "imagenette-160.tar") as archive:
        members = [archive.next() for _ in range(40)]
        photographs = [archive.extractfile(m).read() for m in members if m.isfile()]
    assert len(photographs) >= 30
    for data in photographs:
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert np.array_equal(decoded(data, 160), expected)


def test_png_is_lossless():
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(decoded(encode(noise, "png")), noise)


def test_a_row_of_a_batch_is_filled_and_its_neighbours_are_not():
    batch = np.zeros((3, 32, 32, 3), np.uint8)
    decode_into(encode(picture(2, 32)), batch[1])
    assert batch[1].any()
    assert not batch[[0, 2]].any()


@pytest.mark.parametrize("extension", ["jpg", "png"])
@pytest.mark.parametrize("size", [16, 24, 48])
def test_another_size_is_refused_with_both_sizes(extension, size):
    with pytest.raises(ImageError, match=f"^{size}x{size} pixels instead of 32x32$"):
        decoded(encode(picture(0, size), extension))


def test_a_flat_image_with_as_many_pixels_is_refused():
    wide = np.zeros((16, 64, 3), np.uint8)
    with pytest.raises(ImageError, match="64x16 pixels instead of 32x32"):
        decoded(encode(wide))


@pytest.mark.parametrize("extension", ["jpg", "png"])
def test_a_cut_image_is_refused(extension):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    data = encode(noise, extension)
    kind = {"jpg": "JPEG", "png": "PNG"}[extension]
    for length in (4, len(data) // 4, len(data) // 2):
        with pytest.raises(ImageError, match=f"damaged {kind}|neither a JPEG nor a PNG"):
            decoded(data[:length])


@pytest.mark.parametrize("data", [b"", b"some text", b"\xff\xd8 not really"])
def test_what_is_no_image_is_refused(data):
    with pytest.raises(ImageError):
        decoded(data)
