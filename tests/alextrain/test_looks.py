"""What a run shows in TensorBoard: it is there, it is right, and it changes nothing."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from alextrain.data.draws import draw_batch
from alextrain.training.histograms import BINS, histogram_of
from alextrain.training.sets import open_sets
from alextrain.training.setup import make_augmenter

from .small_runs import CROP, MACHINE, fit, recipe, same, weights_of

EVERYTHING = {"images": 0, "histograms": 0}
LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")


def board(folder):
    return EventAccumulator(str(folder / "tensorboard"), size_guidance=EVERYTHING).Reload()


def pictures(folder, tag):
    """The pictures of a tag by their step, uint8 [h, w, 3]."""
    return {
        event.step: np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))
        for event in board(folder).Images(tag)
    }


@pytest.mark.parametrize("name", ["paper", "quick"])
def test_histograms_leave_the_weights_as_they_are_bit_for_bit(shards, tmp_path, name):
    given = recipe(name, epochs=2)
    for wanted in (False, True):
        fit(shards, tmp_path / str(wanted), given, histograms=wanted)
    without, with_them = (tmp_path / str(wanted) / "last.pt" for wanted in (False, True))
    assert same(weights_of(without), weights_of(with_them))
    assert board(tmp_path / "False").Tags()["histograms"] == []


def test_after_each_epoch_there_is_a_histogram_of_each_layer(shards, tmp_path):
    _, _, trainer = fit(shards, tmp_path, recipe("paper", epochs=2), histograms=True)
    found = board(tmp_path)
    for layer in LAYERS:
        for kind in ("weights", "biases", "activations"):
            events = found.Histograms(f"{kind}/{layer}")
            assert [event.step for event in events] == [5, 10]
        weight = trainer.model.get_parameter(
            f"{'features' if layer.startswith('conv') else 'classifier'}.{layer}.weight"
        )
        last = found.Histograms(f"weights/{layer}")[-1].histogram_value
        assert last.num == weight.numel() == sum(last.bucket)
        assert (last.min, last.max) == (weight.min().item(), weight.max().item())


def test_the_activations_are_those_of_the_same_images_each_time(shards, tmp_path):
    frozen = recipe("paper", epochs=2, lr=1e-30)
    fit(shards, tmp_path, frozen, histograms=True)
    for layer in LAYERS:
        first, second = board(tmp_path).Histograms(f"activations/{layer}")
        assert first.histogram_value == second.histogram_value
    images = 7  # of the val split
    assert first.histogram_value.num == images * 3


def test_what_is_not_validated_on_shows_activations_too(shards, tmp_path):
    fit(shards, tmp_path, recipe("paper", epochs=1, holdout=0.2), histograms=True)
    (fc8,) = board(tmp_path).Histograms("activations/fc8")
    assert fc8.histogram_value.num == 4 * 3


def test_a_histogram_counts_every_value_in_its_bin():
    values = torch.randn(70_001, generator=torch.manual_seed(1))
    found = histogram_of(values)
    counts, _ = np.histogram(values.double().numpy(), BINS, (found.low, found.high))
    assert sum(found.counts) == 70_001
    assert np.abs(np.array(found.counts) - counts).max() <= 1  # float32 at a border
    assert found.squares == pytest.approx(70_001, rel=0.02)


@pytest.mark.parametrize(
    ("values", "number"), [([1.0] * 5, 5), ([float("nan"), 1.0, float("inf")], 1), ([], 0)]
)
def test_a_histogram_of_equal_of_no_and_of_infinite_values(values, number):
    found = histogram_of(torch.tensor(values))
    assert sum(found.counts) == number
    assert np.isfinite(found[:2]).all()
    assert found.low < found.high


def test_the_kernels_are_shown_at_the_start_and_after_each_epoch(shards, tmp_path):
    _, _, trainer = fit(shards, tmp_path, recipe("paper", epochs=2, width=0.25))
    shown = pictures(tmp_path, "kernels/conv1")
    assert list(shown) == [0, 5, 10]
    last, factor = shown[10], 4
    assert last.shape == (factor * (11 + 2 + 11), factor * (12 * 12 - 1), 3)  # 2 x 12 of 11x11
    kernel = trainer.model.get_parameter("features.conv1.weight").detach()[13]  # 2nd of half 2
    top, left = factor * (11 + 2), factor * 12
    tile = last[top : top + 11 * factor : factor, left : left + 11 * factor : factor]
    expected = 127.5 + 127.5 * (kernel / kernel.abs().max()).permute(1, 2, 0)
    assert np.abs(tile - expected.numpy()).max() <= 1


def test_the_first_batch_is_shown_as_the_net_sees_it_once(shards, tmp_path):
    given = recipe("quick", epochs=2, crops="random", colour="off")
    fit(shards, tmp_path, given, stop_after=3)
    fit(shards, tmp_path, given, resume=True)
    shown = pictures(tmp_path, "input/batch")
    assert list(shown) == [0]
    assert shown[0].shape == (2 * (CROP + 1) - 1, 4 * (CROP + 1) - 1, 3)  # 5 images by 4
    sets = open_sets(shards, given, MACHINE, workers=1)
    augmentation = make_augmenter(given, sets.statistics, MACHINE).augmentation
    draws = draw_batch(augmentation, 72, given.seed, 0, 0, 5)
    (batch,) = sets.train.parts([sets.order(given, 0)[:5]])
    for number, image in enumerate(batch.images.numpy()):
        top, left, *_, flip, _, _, _ = draws.table[number].int().tolist()
        seen = image[top : top + CROP, left : left + CROP]
        row, column = (place * (CROP + 1) for place in divmod(number, 4))
        tile = shown[0][row : row + CROP, column : column + CROP]
        assert np.abs(tile.astype(int) - (seen[:, ::-1] if flip else seen)).max() <= 1


@pytest.mark.parametrize("normalise", ["mean-image", "mean-centre", "mean-std"])
def test_the_input_is_read_back_but_for_what_the_mean_image_has_beside_its_colour(
    shards, normalise
):
    given = recipe("paper", normalise=normalise, init="he")
    sets = open_sets(shards, given, MACHINE, workers=1)
    augmenter = make_augmenter(given, sets.statistics, MACHINE)
    image = next(sets.validation.loader.batches(np.arange(1))).images
    (centre,) = augmenter.views(image)
    found = augmenter.as_levels(centre)[0].numpy().astype(float)
    cut = slice(2, 2 + CROP)
    expected = image[0, cut, cut].numpy().astype(float)
    if normalise != "mean-std":
        mean = sets.statistics.mean_image
        part = mean[cut, cut]
        own = part if normalise == "mean-centre" else mean
        expected += own.mean((0, 1)) - part
    assert np.abs(found - expected.clip(0, 255)).max() <= 0.51
