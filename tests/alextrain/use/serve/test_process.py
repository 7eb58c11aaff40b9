"""The command itself: signals, a hard end, a start that cannot be."""

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager

import pytest
from click.testing import CliRunner

from alextrain.cli import main
from tests.alextrain.use.serve.colours import picture

PICTURE = picture("red", "JPEG")


def command(*arguments):
    return [sys.executable, "-m", "alextrain", "serve", *map(str, arguments), "--engine", "torch"]


@contextmanager
def started(model, port=0):
    """The process, and its port."""
    process = subprocess.Popen(
        command(model, "--port", port, "--device", "cpu"),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        found = re.match(r"Listening on http://127\.0\.0\.1:(\d+)/", process.stderr.readline())
        yield process, int(found[1])
    finally:
        process.kill()
        process.stderr.close()
        process.wait()


def fetch(port, method, address, body=None):
    """Status and content; an OSError where nobody listens."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, address, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def wait_until_ready(port):
    for _ in range(600):
        try:
            assert fetch(port, "GET", "/v2/health/live")[0] == 200
            if fetch(port, "GET", "/v2/health/ready")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("never ready")


def ask(port):
    status, content = fetch(port, "POST", "/predict", PICTURE)
    assert status == 200, content
    return content["version"]


@pytest.fixture
def versions(checkpoint, tmp_path):
    (tmp_path / "models" / "1").mkdir(parents=True)
    shutil.copy(checkpoint, tmp_path / "models" / "1" / "best.pt")
    return tmp_path / "models"


def test_hangup_loads_the_newest_version_and_sigterm_ends_when_all_is_answered(versions):
    with started(versions) as (process, port):
        wait_until_ready(port)
        assert ask(port) == "1"
        shutil.copytree(versions / "1", versions / ".2")
        (versions / ".2").rename(versions / "2")
        process.send_signal(signal.SIGHUP)
        for _ in range(200):
            if ask(port) == "2":
                break
            time.sleep(0.05)
        assert ask(port) == "2"
        with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
            head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(PICTURE)
            slow.sendall(head + PICTURE[:100])
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            with pytest.raises(ConnectionRefusedError):
                ask(port)  # no new ones
            slow.sendall(PICTURE[100:])
            answer = b"".join(iter(lambda: slow.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        said = process.stderr.read()
        assert process.wait(20) == 0
    assert "Serving version 1: " in said
    assert "Serving version 2: " in said
    assert re.search(r"Ended; \d+ requests were answered\n$", said)


@pytest.mark.soak
def test_killed_and_started_again_under_load_it_answers_as_before(versions):
    answers, stop = [], threading.Event()

    def load(port):
        while not stop.is_set():
            try:
                answers.append(ask(port))
            except (OSError, http.client.HTTPException, AssertionError):  # down, or loading
                answers.append(None)
                time.sleep(0.05)

    with started(versions) as (process, port):
        wait_until_ready(port)
        clients = [threading.Thread(target=load, args=(port,)) for _ in range(4)]
        for client in clients:
            client.start()
        time.sleep(0.5)
        process.send_signal(signal.SIGKILL)
        assert process.wait(20) == -signal.SIGKILL
    before = len(answers)
    with started(versions, port) as (process, _):  # the same port, at once
        wait_until_ready(port)
        time.sleep(0.5)
        stop.set()
        for client in clients:
            client.join(60)
    assert "1" in answers[:before]
    assert answers[-4:] == ["1"] * 4


def test_what_cannot_begin_says_why_in_one_sentence(tmp_path, checkpoint):
    (tmp_path / "empty").write_text("\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cases = [
            ((tmp_path / "none.pt", "--port", 0), "none.pt: no such checkpoint"),
            ((checkpoint, "--port", port), f"127.0.0.1:{port}: cannot be listened on"),
            ((checkpoint, "--token-file", tmp_path / "empty"), "empty: is empty; expected a token"),
            ((checkpoint, "--token-file", tmp_path / "no"), "no: No such file"),
            ((checkpoint, "--host", "", "--port", 0), "--host is empty"),
        ]
        for arguments, words in cases:
            found = CliRunner().invoke(main, ["serve", *map(str, arguments), "--engine", "torch"])
            assert found.exit_code == 1
            assert words in found.stderr
            assert found.stderr.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize("name", ["", "..", "a/b", "half\udcff", "two\nlines"])
def test_a_name_that_no_address_can_hold_is_refused(checkpoint, name):
    found = CliRunner().invoke(main, ["serve", str(checkpoint), "--name", name])
    assert found.exit_code == 2
    assert "cannot stand in an address" in found.stderr
