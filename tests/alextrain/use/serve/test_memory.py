"""Memory stays where it is, however many requests come."""

import asyncio
import gc
from pathlib import Path

import pytest

from alextrain.serve.engines import load_served
from tests.alextrain.use.serve.colours import CPU, picture, serving

pytestmark = [pytest.mark.anyio, pytest.mark.soak, pytest.mark.timeout(1800)]
REQUESTS, CLIENTS = 20_000, 16


def resident():
    """Megabytes of this process that are in memory and its own."""
    gc.collect()
    _, pages, shared, *_ = map(int, Path("/proc/self/statm").read_text().split())
    return (pages - shared) * 4096 / 1e6


@pytest.mark.parametrize("engine", ["onnx", "torch"])
async def test_memory_is_flat_over_20_000_requests(checkpoint, engine):
    bodies = [picture(colour, kind, (300, 200)) for colour in ("red", "blue") for kind in ("JPEG",)]
    bodies += [picture("green", "PNG"), b"no picture", bodies[0][:500]]

    async def ask(client, count):
        for number in range(count):
            await client.post("/predict", content=bodies[number % len(bodies)])

    async def load(client, requests):
        await asyncio.gather(*(ask(client, requests // CLIENTS) for _ in range(CLIENTS)))

    async with serving(checkpoint, lambda path: load_served(path, CPU, engine)) as (_, client):
        await load(client, REQUESTS // 4)  # arenas and caches fill
        sizes = [resident()]
        for _ in range(4):
            await load(client, REQUESTS // 4)
            sizes.append(resident())
    assert sizes[-1] - sizes[0] < 20, sizes
    assert sizes[-1] - sizes[2] < 10, sizes
