"""Runs the commands of a page in a folder of its own, as a reader would in a terminal.

`alexprep` and `alextrain` are called in this process where no shell is needed, because importing
torch takes longer than the commands do. What a page calls `/raw` and `/shards` lies in the folder.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from click.testing import CliRunner

from alexprep.cli import main as alexprep
from alextrain.cli import main as alextrain
from tests.docs.blocks import ROOT

ABSOLUTE = re.compile(r"(?<![\w./])/(?=(?:data/)?(?:raw|shards|other-shards)\b)")
# Before a page's own options, which win: the nets of the pages take hours on a CPU.
SMALL = "fit --width 0.0625 --crop 143 --epochs 1 --batch-size 16 "
WAIT = 100  # seconds until a server answers, on a loaded machine


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Shell:
    """One reader's terminal: a folder, and a server that may run in the background."""

    def __init__(self, folder, bin_folder, replaced=()):
        self.folder, self.replaced, self.server = folder, dict(replaced), None
        self.port = free_port()
        path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
        self.environment |= {"OMP_NUM_THREADS": "1"}

    def local(self, text):
        """`text` with the page's paths and addresses made this folder's."""
        text = ABSOLUTE.sub(f"{self.folder}/", text)
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        for name, value in self.replaced.items():
            text = text.replace(name, value)
        return re.sub(r"(?<=^alextrain )fit ", SMALL, text, flags=re.MULTILINE)

    def run_block(self, block):
        """Run a block: Python, a script, or commands one by one; returns what these print."""
        if block.language == "python":
            exec(compile(self.local(block.text), str(block), "exec"), {})
            return []
        if block.language == "script":
            return [self.bash(self.local(block.text))]
        return [self.run(command) for command in block.commands]

    def run(self, command):
        """Run one command; returns what it printed. An error status fails the test."""
        if command == "kill %1":
            return self.stop()
        if command == "kill -HUP PID":
            self.server.send_signal(signal.SIGHUP)
            return ""
        command = self.local(command)
        if command.startswith("alextrain serve "):
            return self.serve(command.removesuffix("&"))
        if re.match(r"alex(prep|train) [^|;&>*$]*\Z", command):
            return self._call(command)
        return self.bash(command)

    def _call(self, command):
        program, *words = shlex.split(command)
        main = {"alexprep": alexprep, "alextrain": alextrain}[program]
        result = CliRunner().invoke(main, words)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, f"{command}\n{result.output[-2000:]}"
        return result.output

    def bash(self, text, **settings):
        """Run a line or a whole script."""
        return self._process(["bash", "-euc", text], settings)

    def python(self, text, **settings):
        """Run Python in a process of its own."""
        return self._process([sys.executable, "-c", text], settings)

    def _process(self, words, settings):
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            timeout=WAIT,
            check=False,
        )
        assert done.returncode == 0, f"{words[-1]}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def serve(self, command):
        """Start the server and wait until it is ready."""
        assert self.stop() is not None
        words = [sys.executable, "-m", *shlex.split(command), "--port", str(self.port)]
        with (self.folder / "serve.log").open("wb") as log:
            self.server = subprocess.Popen(
                words, cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        end = time.monotonic() + WAIT
        while time.monotonic() < end and self.server.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v2/health/ready", timeout=5)
                return ""
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise AssertionError((self.folder / "serve.log").read_text())

    def stop(self):
        """End the server, if there is one, and hold it to its word: status 0."""
        if self.server:
            self.server.terminate()
            status, self.server = self.server.wait(WAIT), None
            assert status == 0, (self.folder / "serve.log").read_text()
        return ""
