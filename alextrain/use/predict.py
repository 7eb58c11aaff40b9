"""A trained network in use: pictures in, classes and probabilities out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alexprep.errors import ImageError
from alexprep.raw.source import shown
from alextrain.data.loader import decoding_threads
from alextrain.training.evaluation import average_views
from alextrain.use.network import Network
from alextrain.use.pictures import Picture, find_pictures
from alextrain.use.upright import as_file, upright_square

BATCH = 128  # pictures that the network sees together
AHEAD = 4  # batches that are read and decoded before they are due, for a GPU

Given = str | Path | bytes | NDArray[np.uint8]  # one picture, as a program has it


@dataclass(frozen=True)
class Guess:
    """One class that a picture may show."""

    name: str  # the class folder or wnid
    words: str  # for people
    probability: float


@dataclass(frozen=True)
class Answer:
    """What became of one picture."""

    picture: str
    guesses: tuple[Guess, ...]  # the likeliest first; none where there is an error
    turned: bool = False  # upright, as its EXIF says
    error: str = ""  # why it is no picture


class Predictor(nn.Module):
    """A trained network that takes pictures of any size; `alextrain.load` makes one.

    A picture takes the path of the shards: the same decoding, geometry and filter. For a raw file
    predicted here and the same file prepared with --format png the network sees the same levels.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.model = network.model
        self.eval()  # a module begins in training mode

    @property
    def classes(self) -> list[str]:
        """Class folder or wnid of each output."""
        return self.network.classes

    @property
    def words(self) -> list[str]:
        """A name for people of each output."""
        return self.network.words

    def forward(self, images: Tensor, views: int = 1) -> Tensor:
        """Return the softmax, averaged over the views.

        Args:
            images: uint8 [n, S, S, 3], levels, prepared as the shards were.
            views: 1, 5 or 10.

        Returns:
            float32 [n, classes] on the network's device.
        """
        machine = self.network.machine
        seen = self.network.augmenter.views(images.to(machine.device), views)
        return average_views(self.model, seen, machine)

    def probabilities(self, images: NDArray[np.uint8], views: int = 1) -> NDArray[np.float32]:
        """Do what `forward` does, from array to array and without gradients."""
        with torch.inference_mode():
            found = self(torch.tensor(images), views)
            result: NDArray[np.float32] = found.cpu().numpy()
        return result

    def predict(
        self, images: Given | Sequence[Given], views: int = 1, top: int = 5, *, exif: bool = True
    ) -> list[list[Guess]]:
        """Name what pictures show.

        Args:
            images: One or several: paths, bytes of image files, or arrays uint8 [h, w, 3] in RGB,
                of any size.
            views: 1, 5 or 10.
            top: How many guesses for each, at most; fewer where there are fewer classes.
            exif: Whether photographs are turned upright as their EXIF says.

        Returns:
            For each picture its guesses, the likeliest first.

        Raises:
            ImageError: names the first that gives no picture.
        """
        single = isinstance(images, str | Path | bytes) or hasattr(images, "dtype")
        several = [images] if single else images
        pictures = [_picture(i, given) for i, given in enumerate(several)]  # type: ignore[arg-type]
        answers = list(self.answer(pictures, views=views, top=top, exif=exif))
        for answer in answers:
            if answer.error:
                raise ImageError(f"{answer.picture}: {answer.error}")
        return [list(answer.guesses) for answer in answers]

    def answer(
        self,
        pictures: Iterable[Picture],
        *,
        views: int = 1,
        top: int = 5,
        exif: bool = True,
        threads: int | None = None,
    ) -> Iterator[Answer]:
        """Yield an answer for each picture, in order; a bad one gives its error.

        Threads read and decode the next batches while a GPU is at work. On the CPU they and the
        network take turns: at once they would be slower, see docs/decisions.md.

        Args:
            pictures: What to look at.
            views: 1, 5 or 10.
            top: How many guesses, at most.
            exif: Whether photographs are turned upright as their EXIF says.
            threads: How many decode; None: chosen for the machine.
        """
        machine = self.network.machine
        gpu = machine.device.type != "cpu"
        count = threads or decoding_threads(gpu=gpu)
        with ThreadPoolExecutor(count, thread_name_prefix="alextrain-predict") as pool:
            for batch in _decoded(pool, pictures, self.network, AHEAD if gpu else 1, exif=exif):
                yield from self._answer_batch(batch, views, top)

    def _answer_batch(self, batch: list[_Decoded], views: int, top: int) -> Iterator[Answer]:
        squares = [one.square for one in batch if one.square is not None]
        rows: Iterator[NDArray[np.float32]] = iter(
            self.probabilities(np.stack(squares), views) if squares else ()
        )
        for one in batch:
            if one.square is None:
                yield Answer(one.name, (), error=one.error)
            else:
                yield Answer(one.name, self._guesses(next(rows), top), one.turned)

    def _guesses(self, row: NDArray[np.float32], top: int) -> tuple[Guess, ...]:
        best = np.argsort(-row, kind="stable")[:top].tolist()
        return tuple(Guess(self.classes[i], self.words[i], float(row[i])) for i in best)


@dataclass(frozen=True)
class _Decoded:
    name: str
    square: NDArray[np.uint8] | None  # [S, S, 3]
    turned: bool
    error: str


def _decoded(
    pool: ThreadPoolExecutor,
    pictures: Iterable[Picture],
    network: Network,
    ahead: int,
    *,
    exif: bool,
) -> Iterator[list[_Decoded]]:
    """Yield batches of decoded pictures; of `ahead` batches, one less is under way meanwhile."""
    left = iter(pictures)
    waiting: deque[Future[_Decoded]] = deque()
    while True:
        for picture in islice(left, ahead * BATCH - len(waiting)):
            waiting.append(pool.submit(_decode, picture, network, exif=exif))
        if not waiting:
            return
        yield [waiting.popleft().result() for _ in range(min(BATCH, len(waiting)))]


def _decode(picture: Picture, network: Network, *, exif: bool) -> _Decoded:
    try:
        square, turned = upright_square(picture.read(), network.settings, exif=exif)
    except ImageError as error:
        return _Decoded(picture.name, None, turned=False, error=shown(str(error)))
    return _Decoded(picture.name, square, turned, "")


def _picture(number: int, given: Given) -> Picture:
    if isinstance(given, str | Path):
        found = find_pictures([str(given)])
        if len(found) != 1:
            raise ImageError(f"{given}: holds {len(found):,} pictures; give them one by one")
        return found[0]
    name = f"picture {number}"
    if isinstance(given, bytes):
        return Picture(name, lambda: given)
    return Picture(name, lambda: as_file(np.asarray(given)))
