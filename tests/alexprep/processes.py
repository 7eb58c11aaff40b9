"""Runs in processes of their own, what belongs to them, and ways to stop them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.alexprep.sets import PATHS

DRIVER = Path(__file__).parent / "driver.py"


def start(raw, target, jobs, slow=0.05):
    """A run in a session of its own, as from a terminal; each image takes `slow` seconds longer."""
    return subprocess.Popen(
        [sys.executable, str(DRIVER), str(raw), str(target), str(jobs)],
        env=os.environ | {"PYTHONPATH": PATHS, "TEST_HOOKS": "1", "TEST_SLOW": str(slow)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def images(count):
    """Wait until the run has told of so many images, or has ended."""

    def wait(process):
        done = 0
        while done < count and (line := process.stdout.readline()):
            done += int(line)

    return wait


def first_workers(process):
    """Wait until there are worker processes, which have not yet begun to work."""
    while len(workers_of(process.pid)) < 2 and process.poll() is None:
        time.sleep(0.002)


def processes_of(session):
    """Ids of living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def workers_of(session):
    """Ids of the worker processes of a session."""
    found = []
    for process in processes_of(session):
        try:
            command = Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            continue
        if b"LokyProcess" in command:
            found.append(process)
    return found


def wait_for_silence(session, seconds=10.0):
    """Wait until no process of the session is left; return those that are."""
    deadline = time.monotonic() + seconds
    while (left := processes_of(session)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def kill(process):
    os.kill(process.pid, signal.SIGKILL)


def press_ctrl_c(process):
    """As a terminal does: the signal goes to every process of the group."""
    os.killpg(process.pid, signal.SIGINT)


def terminate(process):
    os.kill(process.pid, signal.SIGTERM)
