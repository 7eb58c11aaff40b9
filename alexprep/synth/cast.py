"""Which pictures a drawn raw set consists of: names, classes, oddities. Nothing is drawn here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

from alexprep.errors import SettingsError
from alexprep.synth.draws import Draws
from alexprep.synth.picture import MAX_CLASSES, subject

LAYOUTS = ("folders", "ilsvrc2012")
# Streams of random numbers that belong to no picture
_VAL_LABELS, _VAL_ORDER, _ODDITIES, _DEVKIT_IDS = (2**64 - i for i in range(1, 5))
_ODD_FROM = 100  # a set of at least so many has one CMYK picture and one PNG named .JPEG
_MAX_IMAGES = 10_000_000


@dataclass(frozen=True, slots=True)
class SynthSettings:
    """What a drawn raw set depends on.

    Raises:
        SettingsError: a value that cannot be used.
    """

    classes: int = 10
    train: int = 4000  # images of all classes together
    val: int = 1000
    large: int = 2  # how many of the train images have 30 million pixels
    seed: int = 0
    layout: str = "folders"

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise SettingsError(f"layout {self.layout!r} is unknown; choose {' or '.join(LAYOUTS)}")
        ranges = {
            "classes": (1, MAX_CLASSES),
            "train": (self.classes, _MAX_IMAGES),
            "val": (0, _MAX_IMAGES),
            "large": (0, self.train),
            "seed": (0, 2**63 - 1),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(
                    f"{name} must be a whole number from {low} to {high}; got {value}"
                )

    def to_dict(self) -> dict[str, object]:
        """Return the settings as plain values."""
        return asdict(self)


class Casting(NamedTuple):
    """One picture to draw."""

    split: str
    label: int
    number: int  # within its class for train, within its split for val
    name: str  # file name, without folders
    oddity: str = ""  # "large", "cmyk", "png" or nothing

    @property
    def stream(self) -> int:
        """The stream of random numbers of this picture."""
        return (self.label << 40 | self.number) << 1 | (self.split == "val")


def wnid(label: int) -> str:
    """Return the name of a class in the manner of WordNet; their order is that of the labels."""
    return f"n9{137 * label + 1:07d}"


def train_cast(settings: SynthSettings) -> Iterator[Casting]:
    """Yield the pictures for training, class by class."""
    order = Draws(settings.seed, _ODDITIES).permutation(settings.train)
    oddities = {int(place): "large" for place in order[: settings.large]}
    if settings.train >= max(_ODD_FROM, settings.large + 2):
        oddities |= {int(order[-1]): "cmyk", int(order[-2]): "png"}
    place = 0
    for label in range(settings.classes):
        for number in range(label, settings.train, settings.classes):
            within = number // settings.classes
            name = f"{wnid(label)}_{3 * within + 1}.JPEG"
            yield Casting("train", label, within, name, oddities.get(place, ""))
            place += 1


def val_cast(settings: SynthSettings) -> list[Casting]:
    """Return the pictures for validation in order of their names, classes mixed and even."""
    labels = Draws(settings.seed, _VAL_LABELS).permutation(settings.val) % settings.classes
    return [
        Casting("val", int(label), number, f"ILSVRC2012_val_{number + 1:08d}.JPEG")
        for number, label in enumerate(labels)
    ]


def in_archive_order(settings: SynthSettings, cast: list[Casting]) -> list[Casting]:
    """Return the validation pictures in the order of the archive, which is none."""
    return [cast[place] for place in Draws(settings.seed, _VAL_ORDER).permutation(len(cast))]


def devkit_ids(settings: SynthSettings) -> list[int]:
    """Return for each label its ILSVRC2012_ID, 1 to n; not in the order of the labels."""
    order = Draws(settings.seed, _DEVKIT_IDS).permutation(settings.classes)
    return [int(place) + 1 for place in order]


def class_words(settings: SynthSettings) -> list[str]:
    """Return for each label its words: "striped disc"."""
    return [subject(label).words for label in range(settings.classes)]
