"""A server on loopback, in a thread of the tests."""

import asyncio
import threading
from contextlib import contextmanager
from pathlib import Path

from alextrain.serve.limits import Limits
from alextrain.serve.server import Server, listen
from alextrain.serve.service import Service
from tests.alextrain.use.serve.colours import CPU, colours


class Live:
    """Where it listens, and its parts."""

    def __init__(self, path, load, token, limits):
        self.said = []
        self.listening = listen("127.0.0.1", 0)
        self.port = self.listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._started = threading.Event()
        self._make = lambda: Service(path, "colours", load, CPU, limits, token, self.said.append)
        self._thread = threading.Thread(target=self._main)

    def _main(self):
        try:
            asyncio.run(self._run())
        finally:
            self._started.set()
            self.listening.close()

    async def _run(self):
        self.loop = asyncio.get_running_loop()
        self.service = self._make()
        self.server = Server(self.service)
        await self.service.serving.reload()
        running = asyncio.create_task(self.server.serve([self.listening]))
        while not self.server.started:
            await asyncio.sleep(0.01)
        self._started.set()
        await running
        await self.service.close()

    def run(self, coroutine):
        """Do something in the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def start(self):
        self._thread.start()
        assert self._started.wait(60)
        assert self._thread.is_alive(), "the server did not start"

    def stop(self):
        self.server.should_exit = True
        self._thread.join(90)
        assert not self._thread.is_alive()


@contextmanager
def live(path=Path("colours.pt"), load=colours, token=None, **limits):
    made = Live(path, load, token, Limits(**limits))
    made.start()
    try:
        yield made
    finally:
        made.stop()
