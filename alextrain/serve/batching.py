"""Pictures of several requests, gathered into the batches that the network sees."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Forward = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class _Waiting(NamedTuple):
    square: NDArray[np.uint8]
    since: float  # seconds of the loop's clock
    answer: asyncio.Future[NDArray[np.float32]]


class Batcher:
    """One network's queue. While a batch is computed, the next one gathers.

    Args:
        forward: uint8 [n, S, S, 3] to probabilities float32 [n, classes].
        pool: Where it runs; one thread, so that batches do not fight for the cores.
        most: Pictures in a batch.
        wait: Seconds that a picture waits for others, counted from its arrival.
        on_batch: Hears the size of each batch.
    """

    def __init__(
        self,
        forward: Forward,
        pool: Executor,
        *,
        most: int,
        wait: float,
        on_batch: Callable[[int], object],
    ) -> None:
        self._forward, self._pool = forward, pool
        self._most, self._wait = most, wait
        self._on_batch = on_batch
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._run())

    @property
    def waiting(self) -> int:
        """Pictures that no batch has taken yet."""
        return self._queue.qsize()

    async def ask(self, square: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities [classes] of one picture [S, S, 3]."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[NDArray[np.float32]] = loop.create_future()
        self._queue.put_nowait(_Waiting(square, loop.time(), answer))
        return await answer

    async def close(self) -> None:
        """Answer what was asked before, and end."""
        self._queue.put_nowait(None)
        await self._task

    async def _run(self) -> None:
        while (first := await self._queue.get()) is not None:
            batch, last = await self._gather(first)
            wanted = [one for one in batch if not one.answer.cancelled()]
            if wanted:
                await self._answer(wanted)
            if last:
                return

    async def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """Return a batch, and whether it is the last."""
        batch = [first]
        until = first.since + self._wait
        while len(batch) < self._most:
            try:
                async with asyncio.timeout_at(until):
                    # What waits already is taken also where the time is over.
                    one = self._queue.get_nowait() if self.waiting else await self._queue.get()
            except TimeoutError:
                break
            if one is None:
                return batch, True
            batch.append(one)
        return batch, False

    async def _answer(self, batch: list[_Waiting]) -> None:
        self._on_batch(len(batch))
        images = np.stack([one.square for one in batch])
        loop = asyncio.get_running_loop()
        computed = loop.run_in_executor(self._pool, self._forward, images)
        await asyncio.wait([computed])
        error = computed.exception()
        for number, one in enumerate(batch):
            if one.answer.done():
                continue  # its client is gone
            if error is not None:
                one.answer.set_exception(error)
            else:
                one.answer.set_result(computed.result()[number])
