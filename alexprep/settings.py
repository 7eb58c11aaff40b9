"""The settings that decide what the shards hold; stored in the manifest, never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches

from alexprep.errors import SettingsError
from alexprep.files import canonical_json

GEOMETRIES = ("torchvision", "cuda-convnet2", "warp")
FILTERS = ("bilinear", "bicubic", "lanczos", "box")
FORMATS = ("jpg", "png")
SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
_CHOICES = {
    "geometry": GEOMETRIES,
    "filter": FILTERS,
    "format": FORMATS,
    "subsampling": SUBSAMPLINGS,
}
LEAST_SIZE, MOST_SIZE = 8, 4096
# lowest and highest value of each number
_RANGES = {
    "size": (LEAST_SIZE, MOST_SIZE),
    "quality": (1, 100),
    "shard_size": (1, 1_000_000),
    "max_pixels": (64, 2**31 - 1),
    "seed": (0, 2**63 - 1),
}


@dataclass(frozen=True, slots=True)
class PrepSettings:
    """What the bytes of a shard depend on, beside the raw images and the codec.

    The defaults are those for ImageNet. Two sets with equal settings, raw images and codec are
    equal byte for byte, whatever the machine, the number of jobs and the interruptions.

    Raises:
        SettingsError: a value is out of its range or not one of its choices.
    """

    size: int = 256  # height and width of a prepared image, pixels
    geometry: str = "torchvision"  # the integer rules of resizing and cropping
    filter: str = "bilinear"  # always antialiased
    format: str = "jpg"  # jpg or png (lossless)
    quality: int = 95  # JPEG quality
    subsampling: str = "4:2:0"  # JPEG chroma subsampling
    shard_size: int | None = None  # samples a shard; None: see plan.py
    max_pixels: int = 100_000_000  # a raw image with more is a bad file
    exif_transpose: bool = False  # turn pictures as EXIF says; else they stay as they are stored
    seed: int = 0  # of the permutation of the samples

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise SettingsError(f"{name} {value!r} is unknown; choose {_either(choices)}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is None and name == "shard_size":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise SettingsError(
                    f"{name} must be a whole number from {low} to {high}; got {value!r}"
                )

        if not isinstance(self.exif_transpose, bool):
            raise SettingsError(
                f"exif_transpose must be true or false; got {self.exif_transpose!r}"
            )

    def to_dict(self) -> dict[str, object]:
        """Return the settings as plain values, for the manifest and for checkpoints."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> PrepSettings:
        """Read settings back.

        Raises:
            SettingsError: an unknown name, or a value that cannot be used.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                near = get_close_matches(name, known, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise SettingsError(f"setting {name!r} is unknown{hint}")
        return cls(**values)  # type: ignore[arg-type]  # __post_init__ checks the values

    def digest(self) -> str:
        """Return the SHA-256 of the settings, in hexadecimal."""
        return hashlib.sha256(canonical_json(self.to_dict())).hexdigest()

    def differences(self, other: PrepSettings) -> list[str]:
        """Return one phrase for each setting that differs: "quality 95 here, 90 there"."""
        mine, theirs = self.to_dict(), other.to_dict()
        return [
            f"{name} {mine[name]} and {theirs[name]}" for name in mine if mine[name] != theirs[name]
        ]


def _either(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"
