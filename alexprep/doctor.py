"""Look at the machine: what preparation will run on, and what would slow it down."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
from PIL import Image, features

from alexprep.errors import DiskError
from alexprep.files import free_bytes
from alexprep.threads import usable_cores

OK, NOTE, SLOW, BROKEN = "ok", "note", "slow", "broken"
_MIX = (
    "the files of two packages lie in one PIL folder; repair it: "
    "pip uninstall -y pillow pillow-simd, then install one of them"
)
_SIMD = (
    "preparing takes twice as long as with pillow-simd: pip uninstall -y pillow, then "
    "CC='cc -mavx2' pip install --no-deps --force-reinstall pillow-simd"
)
# Time of a bilinear resize of RGB over that of one float channel, which has no SIMD in either:
# 3.1 with Pillow 13.0.0, 0.46 with pillow-simd 12.1.1 (AVX2), 0.6 (SSE4).
_SIMD_BELOW = 1.2
_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
_IMAGENET_BYTES = 40e9  # shards of ILSVRC2012 at the default settings


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    found: str
    verdict: str = OK  # OK, NOTE, SLOW or BROKEN
    advice: str = ""


def examine(folder: Path) -> list[Check]:
    """Look at packages, their speed, cores, memory and the disk of `folder`, in a second or two.

    Raises:
        DiskError: there is no such folder.
    """
    if not folder.is_dir():
        raise DiskError(f"{folder}: no such folder; name the one in which shards are to be made")
    return [
        Check("Python", f"{platform.python_version()}, numpy {np.__version__}"),
        check_pillow(PIL.__version__, installed("pillow"), installed("pillow-simd")),
        check_resizing(*measure_resizing()),
        _check_libjpeg(),
        _check_webp(),
        Check("simplejpeg", f"{installed('simplejpeg')} (libjpeg-turbo, reads the shards)"),
        check_cores(usable_cores(), os.cpu_count() or 1, read_quota(_CPU_MAX)),
        Check("memory", _memory()),
        check_disk(folder, free_bytes(folder), writable=_may_write(folder)),
    ]


def installed(package: str) -> str | None:
    """Return the version of a package by its metadata, None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def check_pillow(version: str, pillow: str | None, simd: str | None) -> Check:
    """Say which Pillow runs, and whether two were installed over each other.

    Args:
        version: What PIL says of itself.
        pillow: Version of the package pillow by its metadata, None if not installed.
        simd: The same of pillow-simd.
    """
    known = {"pillow": pillow, "pillow-simd": simd}
    present = {name: number for name, number in known.items() if number is not None}
    names = " and ".join(f"{name} {number}" for name, number in present.items())
    if len(present) == 2:
        return Check("Pillow", f"{version}; installed: {names}", BROKEN, _MIX)
    if present and version not in present.values():
        return Check("Pillow", f"says {version}, but {names} is installed", BROKEN, _MIX)
    return Check("Pillow", names or f"{version}, of unknown package")


def check_resizing(rate: float, ratio: float) -> Check:
    """Say whether resizing uses SIMD.

    Args:
        rate: Images a second, one core, 500x375 to 341x256, bilinear.
        ratio: See `_SIMD_BELOW`.
    """
    text = f"{rate:,.0f} images/s on one core, 500x375 to 341x256"
    if ratio < _SIMD_BELOW:
        return Check("resizing", f"{text}: with SIMD")
    return Check("resizing", f"{text}: without SIMD", SLOW, _SIMD)


def measure_resizing() -> tuple[float, float]:
    """Return images resized a second on one core, and the ratio that tells SIMD."""
    levels = np.random.Philox(key=1).random_raw(500 * 375 * 3 // 8 + 1).view(np.uint8)
    rgb = Image.fromarray(levels[: 500 * 375 * 3].reshape(375, 500, 3))
    gray = rgb.convert("L").convert("F")
    size, bilinear = (341, 256), Image.Resampling.BILINEAR
    rounds = [
        (
            _seconds(lambda: rgb.resize(size, bilinear)),
            _seconds(lambda: gray.resize(size, bilinear)),
        )
        for _ in range(40)
    ]
    # the best of each: whatever else the machine does only adds
    with_rgb, with_gray = (min(times) for times in zip(*rounds, strict=True))
    return 1 / with_rgb, with_rgb / with_gray


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _check_libjpeg() -> Check:
    turbo = features.version_feature("libjpeg_turbo")
    if turbo is not None:
        return Check("libjpeg", f"libjpeg-turbo {turbo}")
    found = f"libjpeg {features.version_codec('jpg')}, not libjpeg-turbo"
    advice = "decoding takes several times longer; build or install a Pillow with libjpeg-turbo"
    return Check("libjpeg", found, SLOW, advice)


def _check_webp() -> Check:
    if features.check("webp"):
        return Check("WebP", f"{features.version('webp')}")
    return Check("WebP", "not built in", NOTE, "WebP pictures in a raw set will be skipped")


def check_cores(usable: int, present: int, quota: float | None) -> Check:
    """Say how many cores there are for this process, and how many of them at a time."""
    found = f"{usable} usable of {present}"
    if quota is None or quota >= usable:
        return Check("cores", found)
    advice = f"only {quota:g} of them are granted at a time; use --jobs {max(1, round(quota))}"
    return Check("cores", found, NOTE, advice)


def read_quota(path: Path) -> float | None:
    """Return the cores that a control group grants at a time, None for all."""
    try:
        granted, period = path.read_text().split()
    except (OSError, ValueError):
        return None
    return None if granted == "max" else int(granted) / int(period)


def _memory() -> str:
    page = os.sysconf("SC_PAGE_SIZE")
    free, total = os.sysconf("SC_AVPHYS_PAGES") * page, os.sysconf("SC_PHYS_PAGES") * page
    return f"{total / 1e9:.1f} GB, {free / 1e9:.1f} GB of it unused"


def check_disk(folder: Path, free: int, *, writable: bool) -> Check:
    """Say how much room there is for shards."""
    found = f"{free / 1e9:,.1f} GB free for {folder}"
    if not writable:
        return Check("disk", f"{folder} may not be written", BROKEN, "name a folder of your own")
    if free < _IMAGENET_BYTES:
        advice = f"the shards of ImageNet take some {_IMAGENET_BYTES / 1e9:.0f} GB"
        return Check("disk", found, NOTE, advice)
    return Check("disk", found)


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK)
