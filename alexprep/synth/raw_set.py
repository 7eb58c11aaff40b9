"""Draw a whole raw set: as class folders, or as the official archives of ILSVRC2012."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from joblib import Parallel, delayed
from PIL import Image

from alexprep.errors import RawError
from alexprep.files import canonical_json, disk_errors
from alexprep.synth import archives
from alexprep.synth.cast import (
    Casting,
    SynthSettings,
    in_archive_order,
    train_cast,
    val_cast,
    wnid,
)
from alexprep.synth.draws import Draws
from alexprep.synth.picture import LARGE, draw_jpeg

MARK = ".synth.json"  # which settings a set was drawn with
_BATCH = 8  # pictures a task: 30 ms, except where a large one is among them


def make_raw(
    root: Path,
    settings: SynthSettings,
    jobs: int = 1,
    on_progress: Callable[[int], None] | None = None,
) -> bool:
    """Draw a raw set; the same settings give the same bytes, whatever the number of jobs.

    The set is drawn in a hidden folder beside `root` and renamed when it is whole.

    Args:
        root: The folder to make; it may exist if it is empty.
        settings: What to draw.
        jobs: Processes.
        on_progress: Hears the number of pictures drawn since it was last called.

    Returns:
        False if this very set was there already and nothing was drawn.

    Raises:
        RawError: `root` holds something else.
        DiskError: the folder cannot be written.
    """
    if _is_there(root, settings):
        return False
    part = root.parent / f".{root.name}.part"
    with disk_errors(root):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            _draw_all(part, settings, jobs, on_progress or (lambda _: None))
            (part / MARK).write_bytes(canonical_json(settings.to_dict()))
            part.rename(root)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return True


def _is_there(root: Path, settings: SynthSettings) -> bool:
    if not root.exists():
        return False
    if not root.is_dir():
        raise RawError(f"{root}: is a file; name a folder for the raw set to be drawn in")
    if (root / MARK).is_file():
        found = json.loads((root / MARK).read_bytes())
        if found == settings.to_dict():
            return True
        wanted = settings.to_dict()
        differ = [
            f"{name} {found.get(name)}, not {wanted[name]}"
            for name in wanted
            if found.get(name) != wanted[name]
        ]
        raise RawError(
            f"{root}: holds a set drawn with other settings ({'; '.join(differ)}); "
            "name another folder or remove this one"
        )
    if any(root.iterdir()):
        raise RawError(f"{root}: is not empty and not drawn by this program; name another folder")
    return False


def _draw_all(
    folder: Path, settings: SynthSettings, jobs: int, on_progress: Callable[[int], None]
) -> None:
    val = val_cast(settings)
    if settings.layout == "ilsvrc2012":
        val = in_archive_order(settings, val)
    images = _drawn(chain(train_cast(settings), val), settings.seed, jobs, on_progress)
    train_images, val_images = islice(images, settings.train), islice(images, settings.val)
    if settings.layout == "folders":
        _write_folders(folder, chain(train_images, val_images))
        return
    archives.write_train(folder, train_images)
    archives.write_val(folder, val_images)
    archives.write_devkit(folder, settings)


def _drawn(
    cast: Iterator[Casting], seed: int, jobs: int, on_progress: Callable[[int], None]
) -> Iterator[tuple[Casting, bytes]]:
    """Yield each picture with its bytes, in the order of the cast."""

    def batches() -> Iterator[list[Casting]]:
        while batch := list(islice(cast, _BATCH)):
            yield batch

    tasks = (delayed(_draw_batch)(seed, batch) for batch in batches())
    for drawn in Parallel(n_jobs=jobs, return_as="generator", batch_size=1)(tasks):
        on_progress(len(drawn))
        yield from drawn


def _draw_batch(seed: int, batch: Sequence[Casting]) -> list[tuple[Casting, bytes]]:
    return [(casting, _draw(seed, casting)) for casting in batch]


def _draw(seed: int, casting: Casting) -> bytes:
    size = LARGE if casting.oddity == "large" else None
    data = draw_jpeg(casting.label, Draws(seed, casting.stream), size)
    if casting.oddity not in ("cmyk", "png"):
        return data
    # ImageNet has 23 JPEGs in CMYK and one PNG among its files called .JPEG.
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        if casting.oddity == "cmyk":
            image.convert("RGB").convert("CMYK").save(buffer, "JPEG", quality=90)
        else:
            image.save(buffer, "PNG")
    return buffer.getvalue()


def _write_folders(folder: Path, images: Iterable[tuple[Casting, bytes]]) -> None:
    for casting, data in images:
        path = folder / casting.split / wnid(casting.label) / casting.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
