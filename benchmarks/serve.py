"""Serving: latency by number of clients, and throughput against ONNX Runtime without a server.

    python -m benchmarks.serve MODEL [--pictures TAR] [--seconds 20] [--rounds 5] [--results FILE]

MODEL is a checkpoint or an exported .onnx file. The load comes from a process of its own, each
client with one connection: it sends the next picture when it has the answer to the last. The
reference has the same pictures in memory, prepares them by the same transform in as many threads
and gives them to ONNX Runtime in batches of the same size: no HTTP, no second process. On few
cores the load itself costs part of what the server then lacks.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from alextrain.data.loader import decoding_threads
from alextrain.device import choose_machine
from alextrain.serve.engines import load_served
from alextrain.serve.limits import Limits
from alextrain.serve.served import Served
from alextrain.use.upright import upright_square
from benchmarks.originals import ORIGINALS, originals
from benchmarks.timing import Row, pairs, program, report, row

CLIENTS = (1, 4, 16, 64)
BATCH = Limits.batch
WARM = 2.0  # seconds of load that are not counted


def without_server(served: Served, pictures: list[bytes], seconds: float) -> float:
    """Return pictures/s of transform and ONNX Runtime in one process."""
    left = cycle(pictures)
    answered, start = 0, time.perf_counter()
    with ThreadPoolExecutor(decoding_threads(gpu=False)) as pool:

        def ahead() -> list[Future]:
            return [pool.submit(upright_square, next(left), served.settings) for _ in range(BATCH)]

        waiting = ahead()
        while time.perf_counter() - start < seconds:
            batch, waiting = waiting, ahead()
            served.forward(np.stack([future.result()[0] for future in batch]))
            answered += BATCH
        took = time.perf_counter() - start
        for future in waiting:
            future.cancel()
    return answered / took


async def _client(port: int, requests: Iterator[bytes], until: float) -> list[tuple[float, float]]:
    """Return when each answer came, and after how many seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = []
    while time.perf_counter() < until:
        begun = time.perf_counter()
        writer.write(next(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(length[1]))
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode())
        found.append((time.perf_counter(), time.perf_counter() - begun))
    writer.close()
    return found


def load(port: int, pictures: list[bytes], clients: int, seconds: float) -> tuple[float, ...]:
    """Return pictures/s, and the latency in ms at the median and at the 99th percentile."""
    head = b"POST /predict HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%s"
    requests = cycle([head % (len(data), data) for data in pictures])
    begin = time.perf_counter() + WARM

    async def all_clients() -> list[list[tuple[float, float]]]:
        until = begin + seconds
        return await asyncio.gather(*(_client(port, requests, until) for _ in range(clients)))

    counted = [took for each in asyncio.run(all_clients()) for at, took in each if at >= begin]
    middle, late = np.percentile(counted, [50, 99]) * 1000
    return len(counted) / seconds, float(middle), float(late)


@contextmanager
def server(model: Path) -> Iterator[int]:
    """Start the command; yield its port once it is ready."""
    command = [*program("alextrain", "serve", model, "--port", 0, "--device", "cpu")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            port = int(re.search(r":(\d+)/", process.stderr.readline())[1])
            if not process.stderr.readline().startswith("Serving"):
                raise SystemExit("the server did not start")
            yield port
        finally:
            process.terminate()
            process.stderr.read()


def measure(model: Path, pictures: list[bytes], seconds: float, rounds: int) -> list[Row]:
    """Return the figures of one model."""
    served = load_served(model, choose_machine("cpu"))
    rows = []
    with get_context("spawn").Pool(1) as other, server(model) as port:

        def loaded(clients: int) -> tuple[float, ...]:
            found: tuple[float, ...] = other.apply(load, (port, pictures, clients, seconds))
            return found

        for clients in CLIENTS:
            rate, middle, late = loaded(clients)
            note = f"clients: {clients}; {rate:.0f} pictures/s"
            rows.append(Row("serve, median latency", "ms", middle, note=note))
            rows.append(Row("serve, 99th percentile", "ms", late, note=note))
        compared = pairs(
            lambda: loaded(2 * BATCH)[0],
            lambda: without_server(served, pictures, seconds),
            rounds,
        )
    note = f"{2 * BATCH} clients; {model.name}; other: ONNX Runtime without a server"
    rows.append(row("serve, throughput", "pictures/s", compared, at_least=0.8, note=note))
    return rows


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description="Measure serving.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--pictures", type=Path, default=ORIGINALS, help="tar of image files")
    parser.add_argument("--seconds", type=float, default=20, help="of each load")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    pictures = list(originals(options.pictures).values())[:200]
    report(measure(options.model, pictures, options.seconds, options.rounds), options.results)


if __name__ == "__main__":
    main()
