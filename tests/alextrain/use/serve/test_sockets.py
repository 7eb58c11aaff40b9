"""A server that was really started, over sockets: readiness, versions under load, memory."""

import asyncio
import gc
import http.client
import os
import re
import signal
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from alextrain.serve.limits import Limits
from alextrain.serve.server import run
from alextrain.serve.service import Service
from tests.alextrain.use.serve.colours import CPU, colours, forward, picture
from tests.alextrain.use.serve.live import live
from tests.alextrain.use.serve.test_process import started, wait_until_ready
from tests.alextrain.use.serve.test_versions import load, write

REQUESTS, CLIENTS = 20_000, 16


@pytest.mark.anyio
async def test_ready_is_said_after_the_warm_up_alone():
    warm, sizes, said = threading.Event(), [], []

    def slow(images):
        sizes.append(len(images))
        assert warm.wait(30)
        return forward(images)

    def make():
        given = Path("colours.pt"), "colours", lambda path: colours(path, slow)
        return Service(*given, CPU, Limits(batch=4), None, said.append)

    running = asyncio.create_task(run(make, "127.0.0.1", 0, said.append))
    while not (said and sizes):
        await asyncio.sleep(0.01)
    url = re.search(r"http://[\d.:]+", said[0])[0]
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:

        async def status(address):
            return (await client.get(address)).status_code

        for address in ("/v2/health/ready", "/v2/models/colours/ready"):
            assert await status(address) == 503
        assert await status("/v2/health/live") == 200
        assert (await client.post("/predict", content=picture())).status_code == 503
        assert sizes == [1]
        warm.set()
        while await status("/v2/health/ready") != 200:
            await asyncio.sleep(0.01)
        assert sizes == [1, 2, 4]
        assert (await client.post("/predict", content=picture())).status_code == 200
    os.kill(os.getpid(), signal.SIGTERM)
    await running


def ask_on(port, bodies, wanted, until):
    """Ask over one connection that stays open; count by status and version."""
    counts, number = {}, 0
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        while not until(number):
            connection.request("POST", "/predict", bodies[number % len(bodies)])
            answer = connection.getresponse()
            found = answer.status, re.findall(rb'"version":"(\d)"', answer.read())
            counts[str(found)] = counts.get(str(found), 0) + 1
            number += 1
    wanted.append(counts)


def together(count, *given):
    """Start clients; return what ends them: their counts."""
    counts = []
    clients = [
        threading.Thread(target=ask_on, args=(given[0], given[1], counts, given[2]))
        for _ in range(count)
    ]
    for client in clients:
        client.start()

    def end():
        for client in clients:
            client.join(600)
        assert len(counts) == count, "a connection was dropped"
        return counts

    return end


@pytest.mark.parametrize("rounds", [5, pytest.param(200, marks=pytest.mark.soak)])
def test_versions_change_under_load_and_no_connection_is_dropped(tmp_path, rounds):
    write(tmp_path, "1", "2")
    stop = threading.Event()
    with live(tmp_path, load, wait=0.001, at_once=100) as server:
        end = together(4, server.port, [picture()], lambda _: stop.is_set())
        try:
            for _ in range(rounds):
                for version in ("1", "2"):
                    server.run(server.service.serving.reload(version))
                    time.sleep(0.03)
        finally:
            stop.set()
        counts = end()
    kinds = {kind for each in counts for kind in each}
    assert kinds == {"(200, [b'1'])", "(200, [b'2'])"}


def private(process):
    """Megabytes that belong to a process alone (RssAnon)."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", text)[1]) / 1e3


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_memory_of_the_process_is_flat_over_20_000_requests(checkpoint):
    bodies = [picture("red", "JPEG", (300, 200)), picture("green", "PNG"), b"no picture"]
    with started(checkpoint) as (process, port):
        wait_until_ready(port)
        sizes = []
        for _ in range(5):  # the first fills arenas and caches
            most = REQUESTS // 4 // CLIENTS
            together(CLIENTS, port, bodies, lambda number, most=most: number >= most)()
            gc.collect()
            sizes.append(private(process))
    assert sizes[-1] - sizes[0] < 20, sizes
    assert sizes[-1] - sizes[2] < 10, sizes
