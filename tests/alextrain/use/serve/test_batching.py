"""Pictures of several requests in one batch: each gets its own answer, and none waits long."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import numpy as np
import pytest

from alextrain.serve.batching import Batcher

pytestmark = pytest.mark.anyio


def numbered(number):
    return np.full((2, 2, 3), number, np.uint8)


def first_level(images):
    return images[:, 0, 0, :1].astype(np.float32)


@asynccontextmanager
async def batcher(forward=first_level, most=4, wait=0.01):
    sizes = []
    with ThreadPoolExecutor(1) as pool:
        made = Batcher(forward, pool, most=most, wait=wait, on_batch=sizes.append)
        yield made, sizes
        await made.close()


async def test_each_picture_gets_its_own_answer_and_no_batch_is_too_large():
    async with batcher() as (made, sizes):
        rows = await asyncio.gather(*(made.ask(numbered(n)) for n in range(50)))
    assert [int(row[0]) for row in rows] == list(range(50))
    assert max(sizes) == 4
    assert sum(sizes) == 50


async def test_a_picture_alone_is_answered_when_its_wait_is_over():
    async with batcher(wait=0.05) as (made, sizes):
        begun = time.perf_counter()
        await made.ask(numbered(1))
        assert 0.04 < time.perf_counter() - begun < 5
    assert sizes == [1]


async def test_a_full_batch_does_not_wait():
    async with batcher(most=2, wait=30) as (made, sizes):
        await asyncio.gather(made.ask(numbered(1)), made.ask(numbered(2)))
    assert sizes == [2]


async def test_what_came_while_a_batch_was_computed_goes_together_without_waiting():
    gate = threading.Event()

    def slow(images):
        gate.wait(10)
        return first_level(images)

    async with batcher(slow, most=8, wait=0.001) as (made, sizes):
        first = asyncio.create_task(made.ask(numbered(0)))
        await asyncio.sleep(0.05)  # it is being computed
        others = [asyncio.create_task(made.ask(numbered(n))) for n in range(1, 6)]
        await asyncio.sleep(0.05)  # their wait is over
        assert made.waiting == 5
        gate.set()
        await asyncio.gather(first, *others)
    assert sizes == [1, 5]


async def test_an_error_reaches_all_of_its_batch_and_the_next_batch_is_answered():
    def failing(images):
        if (images == 7).any():
            raise ArithmeticError("seven")
        return first_level(images)

    async with batcher(failing, most=2, wait=1) as (made, _):
        asked = (made.ask(numbered(1)), made.ask(numbered(7)))
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [str(error) for error in found] == ["seven", "seven"]
        rows = await asyncio.gather(made.ask(numbered(2)), made.ask(numbered(3)))
        assert [int(row[0]) for row in rows] == [2, 3]


async def test_a_picture_whose_client_is_gone_is_not_computed():
    async with batcher(most=3, wait=0.05) as (made, sizes):
        gone = asyncio.create_task(made.ask(numbered(1)))
        stays = asyncio.create_task(made.ask(numbered(2)))
        await asyncio.sleep(0)
        gone.cancel()
        assert int((await stays)[0]) == 2
    assert sizes == [1]


async def test_closing_answers_what_was_asked_before():
    with ThreadPoolExecutor(1) as pool:
        made = Batcher(first_level, pool, most=4, wait=30, on_batch=lambda size: None)
        asked = [asyncio.create_task(made.ask(numbered(n))) for n in range(6)]
        await asyncio.sleep(0)
        await made.close()
        assert [int((await one)[0]) for one in asked] == list(range(6))
