"""The nets of the family, as tables: what the paper prints, what its authors ran, and their kin.

paper        the printed net: two groups, LRN after the ReLU of conv1 and conv2
authors      config 145 of the authors' program, which gave the published errors: LRN before conv1's
             ReLU, which comes after the pool; a spatial response norm after LRN2; LRN as coded,
             inside each half; three zeros right and bottom of a 224 image (cuda-convnet's rounding)
one-tower    `paper` without groups
half         one half of `paper`, with the full conv5 and full layers (section 3.2's comparison)
six-conv     `paper` with a sixth convolution over the last pool (section 6's "1 CNN*", config 146)
caffe        BVLC AlexNet: LRN with k = 1, divided by n
caffenet     BVLC CaffeNet: the same, pooled before it is normalised
torchvision  the single-tower net of Krizhevsky 2014 without LRN, its dropouts before fc6 and fc7
quick        `paper` with batch normalisation in the place of LRN, conv1 two pixels beyond the edge
small        `quick` for images of 32 pixels: conv1 is 5x5 with stride 1

What follows each convolution is a line of words: relu, lrn, spatial (config 145's cnorm2), batch
(batch normalisation, before the ReLU) and pool.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from alextrain.models.lrn import CONVENTIONS

__all__ = ["BORDERS", "DESIGNS", "LRNS", "Conv", "Design", "switched"]

BORDERS = ("none", "right-bottom", "around")  # what conv1 sees beyond the image: see `Design`
LRNS = (*CONVENTIONS, "caffe", "off")  # lrn.py; "caffe": as coded with k = 1


@dataclass(frozen=True, slots=True)
class Conv:
    """One convolution at full width, and what follows it."""

    maps: int  # kernels
    kernel: int  # side
    after: str  # "relu lrn pool": in this order
    stride: int = 1
    padding: int = 0
    groups: int = 1


@dataclass(frozen=True, slots=True)
class Design:
    """A net of the family.

    `border`: "none" cuts off what a stride leaves over; "right-bottom" adds zeros there so that
    nothing is left over (the authors' 224: three); "around" is a margin of two zeros (torchvision).
    """

    convs: tuple[Conv, ...]
    crop: int  # side of the input for which the published counts hold
    columns: int = 2  # towers: widths divide evenly among them
    border: str = "none"
    lrn: str = "printed"
    lrn_columns: int = 1  # LRN's windows stay inside each of so many runs of maps
    pool: int = 3  # side of a pooling window; the stride is 2
    average: int = 0  # side to which the last maps are averaged; 0: they stay
    hidden: tuple[int, int] = (4096, 4096)  # units of fc6 and of fc7
    full_columns: int = 1  # fc6 and fc7 see their own one of so many columns
    dropout_first: bool = False  # dropout before fc6 and fc7, not after their ReLU


def _five(
    maps: tuple[int, ...], groups: tuple[int, ...], after: tuple[str, ...]
) -> tuple[Conv, ...]:
    """Return the five convolutions; `after` is what follows each."""
    return (
        Conv(maps[0], 11, after[0], stride=4, groups=groups[0]),
        Conv(maps[1], 5, after[1], padding=2, groups=groups[1]),
        Conv(maps[2], 3, after[2], padding=1, groups=groups[2]),
        Conv(maps[3], 3, after[3], padding=1, groups=groups[3]),
        Conv(maps[4], 3, after[4], padding=1, groups=groups[4]),
    )


_MAPS = (96, 256, 384, 384, 256)
_HALVES = (1, 2, 1, 2, 2)  # conv3 alone joins them
_WHOLE = (1, 1, 1, 1, 1)
_PRINTED = ("relu lrn pool", "relu lrn pool", "relu", "relu", "relu pool")
_CODED = ("lrn pool relu", "relu lrn spatial pool", "relu", "relu", "pool relu")
_POOL_FIRST = ("relu pool lrn", "relu pool lrn", "relu", "relu", "relu pool")
_PLAIN = ("relu pool", "relu pool", "relu", "relu", "relu pool")
_BATCH = ("batch relu pool", "batch relu pool", "batch relu", "batch relu", "batch relu pool")

_PAPER = Design(_five(_MAPS, _HALVES, _PRINTED), crop=224, border="right-bottom")
_CAFFE = replace(_PAPER, crop=227, border="none", lrn="caffe")
_QUICK = replace(_PAPER, convs=_five(_MAPS, _HALVES, _BATCH), border="around")

DESIGNS: dict[str, Design] = {
    "paper": _PAPER,
    "authors": replace(_PAPER, convs=_five(_MAPS, _HALVES, _CODED), lrn="coded", lrn_columns=2),
    "one-tower": replace(_PAPER, convs=_five(_MAPS, _WHOLE, _PRINTED), columns=1),
    "half": replace(_PAPER, convs=_five((48, 128, 192, 192, 256), _WHOLE, _PRINTED), columns=1),
    "six-conv": replace(_PAPER, convs=(*_PAPER.convs, Conv(256, 3, "relu", padding=1))),
    "caffe": _CAFFE,
    "caffenet": replace(_CAFFE, convs=_five(_MAPS, _HALVES, _POOL_FIRST)),
    "torchvision": replace(
        _PAPER,
        convs=_five((64, 192, 384, 256, 256), _WHOLE, _PLAIN),
        columns=1,
        border="around",
        average=6,
        dropout_first=True,
    ),
    "quick": _QUICK,
    "small": replace(
        _QUICK,
        convs=(replace(_QUICK.convs[0], kernel=5, stride=1), *_QUICK.convs[1:]),
        crop=28,
    ),
}


def switched(design: Design, *, border: str, lrn: str, pools: str, links: bool) -> Design:
    """Return a design with some of the paper's choices undone; "model" leaves the design's own.

    Args:
        design: One of `DESIGNS`.
        border: One of `BORDERS`, or "model".
        lrn: One of `LRNS`, or "model". "off" takes the spatial norm away too, as the authors'
            run 148 did.
        pools: "disjoint" pools windows of 2, not of 3, with stride 2, and takes conv2 and conv5
            with less padding, so that conv3 keeps 13x13 maps and fc6 its 6x6 (the authors' run
            147); or "overlapping".
        links: False cuts what joins the halves at LRN, conv3, fc6 and fc7, so that fc8 alone sees
            both, and takes 160 + 160 kernels in conv2 and 4096 units in each half of fc6, as the
            authors' run 150 did.
    """
    convs = list(design.convs)
    if lrn == "off":
        convs = [replace(conv, after=_without(conv.after, "lrn", "spatial")) for conv in convs]
    if pools == "disjoint":
        convs = [
            replace(conv, padding=conv.padding - 1) if number in (2, 5) else conv
            for number, conv in enumerate(convs, 1)
        ]
    if not links:
        convs = [convs[0], *(replace(conv, groups=design.columns) for conv in convs[1:])]
        convs[1] = replace(convs[1], maps=convs[1].maps * 5 // 4)
    one, two = design.hidden
    return replace(
        design,
        convs=tuple(convs),
        border=design.border if border == "model" else border,
        lrn=design.lrn if lrn == "model" else lrn,
        pool=2 if pools == "disjoint" else design.pool,
        hidden=(one, two) if links else (2 * one, two),
        full_columns=1 if links else design.columns,
        lrn_columns=design.lrn_columns if links else design.columns,
    )


def _without(after: str, *words: str) -> str:
    return " ".join(word for word in after.split() if word not in words)
