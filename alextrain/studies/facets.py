"""A recipe in words, topic by topic, so that two of them can be compared.

Each topic that a key can touch is here: recipes that train differently differ in words too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alextrain.models import design_of
from alextrain.models.designs import Design
from alextrain.models.init import RULES

if TYPE_CHECKING:
    from alextrain.recipes.recipe import Recipe

__all__ = ["describe", "differences"]


def describe(recipe: Recipe) -> dict[str, str]:
    """Return topic -> words."""
    design = design_of(recipe.network)
    return {
        **_net(recipe, design),
        **_normalisation(design),
        **_start(recipe),
        **_input(recipe),
        **_distortions(recipe),
        **_update(recipe),
        **_time(recipe),
    }


def differences(first: Recipe, second: Recipe) -> list[tuple[str, str, str]]:
    """Return (topic, words of the first, words of the second) wherever they differ."""
    mine, its = describe(first), describe(second)
    return [(topic, words, its[topic]) for topic, words in mine.items() if words != its[topic]]


def _net(recipe: Recipe, design: Design) -> dict[str, str]:
    split = [f"conv{number}" for number, conv in enumerate(design.convs, 1) if conv.groups > 1]
    full = " in columns" if design.full_columns > 1 else ""
    first = design.convs[0]
    border = {
        "none": "cut off where the stride does not fit",
        "right-bottom": "zeros right and bottom until the stride fits (ceil)",
        "around": "two zeros around",
    }
    pool = "3/2, overlapping" if design.pool == 3 else "2/2, no overlap"
    average = f", averaged to {design.average}x{design.average}" if design.average else ""
    where = "before fc6 and fc7" if design.dropout_first else "after fc6 and fc7"
    hidden = "-".join(str(units) for units in design.hidden)
    return {
        "kernels": "-".join(str(conv.maps) for conv in design.convs)
        + f", full layers {hidden}{full}",
        "conv1": f"{first.kernel}x{first.kernel}, stride {first.stride}",
        "groups": f"two in {', '.join(split)}" if split else "one",
        "width": f"{recipe.network.width:g}",
        "input": f"{recipe.input.crop}: {border[design.border]}",
        "pooling": pool + average,
        "dropout": f"{recipe.network.dropout:g} {where}" if recipe.network.dropout else "none",
    }


def _normalisation(design: Design) -> dict[str, str]:
    words = [conv.after.split() for conv in design.convs]
    extra = "spatial rnorm 5x5 after LRN2" if any("spatial" in w for w in words) else "none"
    if any("batch" in w for w in words):
        extra = "batch norm after each convolution"
    if not any("lrn" in w for w in words):
        return {"LRN alpha": "no LRN", "LRN input": "-", "LRN range": "-", "extra norm": extra}
    alpha = {"printed": "1e-4 sum, k 2", "coded": "(1e-4/5) sum, k 2", "caffe": "(1e-4/5) sum, k 1"}
    before = words[0][: words[0].index("lrn")]
    place = {
        "relu": "after ReLU",
        "relu pool": "after ReLU and pool",
        "": "LRN1 before ReLU; ReLU1 after pool1",
    }
    return {
        "LRN alpha": alpha[design.lrn],
        "LRN input": place[" ".join(before)],
        "LRN range": "all kernels of the layer"
        if design.lrn_columns == 1
        else "per half: windows never cross maps 47|48 (127|128)",
        "extra norm": extra,
    }


def _start(recipe: Recipe) -> dict[str, str]:
    init = recipe.network.init
    if init not in RULES:
        words = {"he": "sqrt(2 / inputs)", "torch": "torch's own, uniform"}
        return {"init": words[init], "bias init": "0" if init == "he" else "torch's own"}
    rule = RULES[init]
    others = "".join(
        f", {std:g} in {_few(rule.others, std)}" for std in sorted({*rule.others.values()})
    )
    return {
        "init": f"N(0, {rule.std:g}){others}",
        "bias init": f"{rule.bias:g} in conv2, 4, 5, fc6, fc7; 0 elsewhere",
    }


def _few(others: dict[str, float], std: float) -> str:
    names = [name for name, value in others.items() if value == std]
    return f"{names[0]}-{names[-2][-1]}" if "conv3" in names else " and ".join(names)


def _input(recipe: Recipe) -> dict[str, str]:
    given = recipe.input
    scale, ratio = ("-".join(f"{v:.3g}" for v in pair) for pair in (given.scale, given.ratio))
    crops = {
        "random": "at random places",
        "resized": f"random, {scale} of the area, {ratio} wide",
        "centre": "the centre",
    }
    shared = given.crops_shared
    colour = {"std": "~ sqrt(eigenvalue) (std)", "lambda": "~ eigenvalue", "off": "none"}
    size = colour[given.colour]
    if given.colour != "off":
        size += f", {given.colour_scale:g}"
        size += f", then /{1 + given.colour_scale:g}" if given.colour_divides else ""
    until = given.colour_epochs
    mean = {
        "mean-image": "mean image, at the crop's place",
        "mean-centre": "centre crop of the mean for all crops",
        "mean-std": "channel means, divided by deviations",
        "unit": "none, levels / 255",
    }
    return {
        "mean": mean[given.normalise],
        "crops": crops[given.crops] + (", mirrored by half" if given.flip else ", never mirrored"),
        "crops and flips": "per image" if shared == 1 else f"shared by {shared} images",
        "colour magnitude": size,
        "colour duration": "-"
        if given.colour == "off"
        else f"off from epoch {until}"
        if until
        else "always",
    }


def _distortions(recipe: Recipe) -> dict[str, str]:
    given = recipe.distortions
    jitter = [
        f"{name} +-{value:g}"
        for name in ("brightness", "contrast", "saturation", "hue")
        if (value := getattr(given, name))
    ]
    both = ("mixup", "cutmix")
    mixing = [f"{name} {value:g}" for name in both if (value := getattr(given, name))]
    return {
        "rotation": f"+-{given.rotation:g} degrees" if given.rotation else "none",
        "colour jitter": ", ".join(jitter) or "none",
        "erasing": f"of {given.erasing:g} of the images" if given.erasing else "none",
        "mixing": " or ".join(mixing) or "none",
    }


def _update(recipe: Recipe) -> dict[str, str]:
    given = recipe.optimiser
    kind = {"sgd": "SGD, momentum", "adam": "Adam, beta", "adamw": "AdamW, beta"}
    update = f"{kind[given.update]} {given.momentum:g}"
    if given.update == "sgd":
        inside = given.velocity == "with-rate"
        update += f", rate {'inside' if inside else 'outside'} the velocity"
    return {
        "update": update + (", Nesterov" if given.nesterov else ""),
        "layers of other rates": ", ".join(given.layer_rates) or "none",
        "batch": f"{recipe.batch_size}",
        "decay": f"{given.weight_decay:g}",
        "bias decay": f"{given.weight_decay if given.decay_biases else 0:g}",
        "gradient clipping": f"at length {given.clip:g}" if given.clip else "none",
        "averaged weights": f"decay {given.ema:g}" if given.ema else "none",
        "label smoothing": f"{recipe.label_smoothing:g}",
    }


def _time(recipe: Recipe) -> dict[str, str]:
    schedule, given = recipe.schedule, recipe.optimiser
    bias = "equal lr" if given.bias_lr == 1 else f"{given.bias_lr:g}x"
    if schedule.bias_rate == "stays":
        bias += f" ({given.bias_lr * given.lr:g}), never lowered"
    late = []
    if schedule.conv1_drop:
        late.append(f"{schedule.factor:g} of the others' from epoch {schedule.conv1_drop}")
    if schedule.conv1_freeze:
        late.append(f"frozen from {schedule.conv1_freeze}")
    return {
        "lr": f"{given.lr:g}",
        "lr in time": _policy(recipe),
        "warm-up": f"{schedule.warmup_steps} steps" if schedule.warmup_steps else "none",
        "bias lr": bias,
        "conv1 lr": ", ".join(late) or "as all layers",
        "epochs": f"{recipe.epochs}",
        "held out": f"{recipe.holdout:g} of train" if recipe.holdout else "nothing",
        "seed": f"{recipe.seed}",
        "shuffled together": f"{recipe.window:,} images",
    }


def _policy(recipe: Recipe) -> str:
    given = recipe.schedule
    words = {
        "plateau": f"x{given.factor:g} when the validation error stalls for {given.patience} "
        f"epochs, {given.drops} times",
        "milestones": f"x{given.factor:g} at epochs {', '.join(map(str, given.milestones))}",
        "step": f"x{given.factor:g} every {given.every} epochs",
        "dexp": f"{given.levels} levels down to 1/{given.fall:g}",
        "cosine": "half a cosine to 0",
        "polynomial": f"(what is left) ^ {given.power:g}",
        "one-cycle": f"up for {given.peak:g} of the run, then down",
        "constant": "constant",
    }
    return words[given.policy]
