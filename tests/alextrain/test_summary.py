"""The summary against the published counts and against what autograd really keeps."""

import pytest
import torch

from alextrain.models import DESIGNS
from alextrain.models.summary import summarise, summary_table
from alextrain.recipes.recipe import Network

MACS = {
    "paper": {
        "conv1": 105_415_200,
        "conv2": 223_948_800,
        "conv3": 149_520_384,
        "conv4": 112_140_288,
        "conv5": 74_760_192,
        "fc6": 37_748_736,
        "fc7": 16_777_216,
        "fc8": 4_096_000,
    },
}
MACS["one-tower"] = MACS["paper"] | {
    "conv2": 447_897_600,
    "conv4": 224_280_576,
    "conv5": 149_520_384,
}
MACS["half"] = MACS["paper"] | {
    "conv1": 52_707_600,
    "conv2": 111_974_400,
    "conv3": 37_380_096,
    "conv4": 56_070_144,
}
MACS["torchvision"] = MACS["paper"] | {
    "conv1": 70_276_800,
    "conv3": 112_140_288,
    "conv4": 149_520_384,
    "conv5": 99_680_256,
}
MACS["six-conv"] = MACS["paper"] | {"conv6": 21_233_664}
MACS |= dict.fromkeys(("authors", "caffe", "caffenet"), MACS["paper"])
TOTALS = {
    "paper": (60_965_224, 724_406_816),
    "authors": (60_965_224, 724_406_816),
    "caffe": (60_965_224, 724_406_816),
    "caffenet": (60_965_224, 724_406_816),
    "one-tower": (62_378_344, 1_135_256_096),
    "half": (59_798_312, 391_514_384),
    "six-conv": (61_555_304, 745_640_480),
    "torchvision": (61_100_840, 714_188_480),
}
WEIGHTS = {
    "conv1": (34_848, 96),
    "conv2": (307_200, 256),
    "conv3": (884_736, 384),
    "conv4": (663_552, 384),
    "conv5": (442_368, 256),
    "fc6": (37_748_736, 4096),
    "fc7": (16_777_216, 4096),
    "fc8": (4_096_000, 1000),
}


@pytest.fixture(scope="module", params=TOTALS)
def full(request):
    crop = DESIGNS[request.param].crop
    return request.param, summarise(Network(request.param), 1000, crop)


def test_full_width_counts_are_the_published_ones(full):
    model, summary = full
    assert (summary.parameters, summary.macs) == TOTALS[model]
    assert {layer.name: layer.macs for layer in summary.layers if layer.macs} == MACS[model]
    if model == "paper":
        counted = {layer.name: (layer.weights, layer.biases) for layer in summary.layers}
        assert {name: pair for name, pair in counted.items() if any(pair)} == WEIGHTS
        assert (summary.weights, summary.biases) == (60_954_656, 10_568)


def test_the_paper_counts_its_units_wrong_and_its_convolutions_are_a_small_part():
    """290,400 units in conv1, not 253,440 (= 55 x 48 x 96); 659,272 in all, "650,000"."""
    summary = summarise(Network("paper"), 1000, 224)
    units = {layer.name: torch.Size(layer.shape).numel() for layer in summary.layers if layer.macs}
    assert units["conv1"] == 290_400 != 55 * 48 * 96
    assert sum(units.values()) == 659_272
    shares = [100 * layer.weights / summary.parameters for layer in summary.layers if layer.macs]
    assert shares[:5] == pytest.approx([0.057, 0.504, 1.452, 1.089, 0.726], abs=1e-3)


def test_an_input_image_is_0_59_mebibytes_and_not_those_of_its_batch():
    summary = summarise(Network("caffe", width=0.1), 10, 227)
    assert summary.input_bytes == 227 * 227 * 3 * 4
    assert "0.59 MiB of input" in summary_table(summary)


def test_kept_memory_is_the_sum_over_what_the_backward_pass_reads():
    """Layers and LRN keep their inputs, pools the places of their maxima in 64 bits."""
    summary = summarise(Network("paper", width=0.25), 10, 227)
    sizes = {layer.name: torch.Size(layer.shape).numel() for layer in summary.layers}
    floats = ["relu1", "lrn1", "pool1", "relu2", "lrn2", "pool2", "relu3", "relu4", "relu5"]
    floats += ["pool5", "relu6", "drop6", "relu7", "drop7"]
    places = ["pool1", "pool2", "pool5"]
    expected = 227 * 227 * 3 * 4 + 4 * sum(sizes[n] for n in floats)
    expected += 8 * sum(sizes[n] for n in places)
    masks = sizes["drop6"] + sizes["drop7"]  # one byte or four a unit, as the device has it
    assert expected + masks <= summary.kept_bytes <= expected + 4 * masks


def test_the_table_names_each_layer_once_and_ends_with_the_totals(full):
    _, summary = full
    table = summary_table(summary)
    words = [line.split()[0] for line in table.splitlines()]
    assert words[1:-4] == ["input", *(layer.name for layer in summary.layers)]
    assert f"{summary.parameters:,}" in table
    assert f"{summary.macs:,}" in table
    assert all(len(line) <= 80 for line in table.splitlines())


def test_counting_draws_from_nobodys_random_stream():
    state = torch.get_rng_state()
    summarise(Network("quick", width=0.1), 10, 99)
    assert torch.equal(torch.get_rng_state(), state)
