"""A folder as Hugging Face and timm have it: config.json, and a model card made from the run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from alextrain.export.package import describe
from alextrain.export.parity import Parity
from alextrain.training.evaluation import Evaluation
from alextrain.use.network import Network
from alextrain.use.weights import WEIGHTS

LISTED = 20  # classes named in the card


def config(network: Network, parity: Parity) -> dict[str, Any]:
    """Return config.json: timm's keys, and ours below `alexkit`.

    timm gives mean and deviation for levels from 0 to 1; a mean image has no place there, so the
    channel means stand for it, and `alexkit` says so.
    """
    facts = describe(network, inside=False)
    if network.recipe.input.normalise in ("mean-image", "mean-centre"):
        facts["mean"] = network.statistics.channel_mean.tolist()
        facts["mean_is"] = (
            f"channel means, which stand for the mean image: {WEIGHTS} holds that, as "
            "statistics.pixel_sum over its count"
        )
    crop, size = network.recipe.input.crop, network.settings.size
    pretrained = {
        "input_size": [3, crop, crop],
        "crop_pct": crop / size,
        "crop_mode": "center",
        "interpolation": network.settings.filter,
        "mean": [level / 255 for level in facts["mean"]],
        "std": [1 / (255 * scale) for scale in facts["scale"]],
        "num_classes": len(network.classes),
        "first_conv": "features.conv1",
        "classifier": "classifier.fc8",
        "label_names": network.classes,
        "label_descriptions": dict(zip(network.classes, network.words, strict=True)),
    }
    return {
        "architecture": f"alexkit/{network.recipe.network.model}",
        "num_classes": len(network.classes),
        "num_features": int(network.model.get_parameter("classifier.fc8.weight").shape[1]),
        "pretrained_cfg": pretrained,
        "alexkit": {**facts, "parity": parity.to_dict()},
    }


def card(network: Network, parity: Parity, evaluations: Sequence[Evaluation]) -> str:
    """Return README.md: what the network is, what it was made of, how well it does, its limits."""
    recipe, settings = network.recipe, network.settings
    parameters = sum(weights.numel() for weights in network.model.parameters())
    listed = ", ".join(word.split(",")[0] for word in network.words[:LISTED])
    more = f" and {len(network.words) - LISTED:,} more" if len(network.words) > LISTED else ""
    return f"""\
---
library_name: alexkit
pipeline_tag: image-classification
tags:
- image-classification
- alexnet
---
# AlexNet `{recipe.network.model}`, recipe `{recipe.name}`

{parameters:,} parameters, width {recipe.network.width:g}, input {recipe.input.crop}x\
{recipe.input.crop} from the centre of {settings.size}x{settings.size}, {len(network.classes):,} \
classes: {listed}{more}.

## Use

```python
import alextrain

network = alextrain.load("THIS_FOLDER")
network.predict("photo.jpg")
```

`model.safetensors` holds weights, recipe, classes, preparation and statistics; this is all that
`alextrain.load` reads. `config.json` has timm's keys, for programs that read those, but timm has no
model `alexkit/{recipe.network.model}`: `timm.create_model` does not load it.

## Data

- Images of the {network.statistics.split} split: {network.statistics.count:,}; fingerprint of the \
shards `{network.about.get("fingerprint", "unknown")}`.
- Prepared by alexprep: {settings.size}x{settings.size}, {settings.geometry}, {settings.filter}, \
{settings.format}.
- Input: {_input(network)}

## Training

```json
{json.dumps(recipe.to_dict(), indent=1)}
```

## Errors

{_errors(network, evaluations)}

## This file

Loaded again and compared with the checkpoint on {parity.sentence()}.

## Limits

- It answers with one of its {len(network.classes):,} classes whatever it is shown; probabilities \
are not calibrated.
- Its errors were measured on pictures of the same source as its training pictures; on others they \
will be larger.
- Whatever bias the training pictures have, it has. The licence of the weights depends on theirs.
"""


def _input(network: Network) -> str:
    words = {
        "mean-std": "levels 0..255 minus the channels' means, divided by their deviations.",
        "unit": "levels 0..255, divided by 255.",
    }
    mean_image = "levels 0..255 minus the mean image (in `model.safetensors`)."
    return words.get(network.recipe.input.normalise, mean_image)


def _errors(network: Network, evaluations: Sequence[Evaluation]) -> str:
    if evaluations:
        return "\n".join(f"- {found.sentence()}" for found in evaluations)
    result = network.about.get("result")
    if not result:
        return "None were measured."
    return (
        f"- {result['split']}, {result['views']} view, as found in training: top-1 error "
        f"{result['top1_error']:.2%}, top-{result['top_k']} error {result['top5_error']:.2%} "
        f"({result['images']:,} images). The epoch was chosen by this split, so it flatters."
    )
