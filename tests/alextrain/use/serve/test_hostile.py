"""Clients over a real socket that mean no good: each costs bounded time, others are answered."""

import socket
import threading
import time

import httpx
import pytest

from tests.alextrain.use.serve.colours import picture
from tests.alextrain.use.serve.live import live

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


def connected(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def all_that_comes(connection):
    """What the server sends until it ends the connection, one way or the other."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def send_until_cut_off(connection, data):
    """Send again and again; return the seconds until the server has had enough."""
    begun = time.monotonic()
    try:
        while time.monotonic() - begun < 15:
            connection.sendall(data)
            time.sleep(0.05)
    except (ConnectionResetError, BrokenPipeError):
        pass
    return time.monotonic() - begun


def answered(server):
    answer = httpx.post(f"{server.url}/predict", content=picture(), trust_env=False, timeout=20)
    return answer.status_code == 200


@pytest.mark.parametrize("start", [b"", b"POST /pre", HEAD[:40], b"GET /v2 HTTP/1.1\r\nA: "])
def test_who_never_ends_the_head_of_a_request_is_cut_off(start):
    with live(seconds=0.2) as server, connected(server) as slow:
        slow.sendall(start)
        begun = time.monotonic()
        assert all_that_comes(slow) == b""
        assert 0.5 < time.monotonic() - begun < 5
        assert answered(server)


def test_who_sends_letter_by_letter_is_cut_off_all_the_same():
    with live(seconds=0.2) as server, connected(server) as slow:
        assert send_until_cut_off(slow, b"X-") < 5


def test_a_body_that_does_not_come_gets_408():
    with live(seconds=0.3) as server, connected(server) as slow:
        slow.sendall(HEAD + b"some")
        answer = all_that_comes(slow)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"did not arrive within 0.3 seconds" in answer
        assert server.service.at_once == 0


def test_who_goes_away_in_the_middle_leaves_nothing_behind():
    with live() as server:
        for count in (0, 10, len(HEAD), len(HEAD) + 5):
            with connected(server) as gone:
                gone.sendall((HEAD + b"bytes")[:count])
        assert answered(server)
        until = time.monotonic() + 5
        while server.server.server_state.connections and time.monotonic() < until:
            time.sleep(0.01)
        assert not server.server.server_state.connections
        assert server.service.at_once == 0


def test_a_long_body_gets_413_although_it_is_still_being_sent():
    with live(bytes=1000) as server, connected(server) as large:
        large.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n")
        large.sendall(b"x" * 5_000_000)
        assert large.recv(65536).startswith(b"HTTP/1.1 413")
        large.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")  # the connection lives
        assert large.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "words",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",  # TLS
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\r\n" * 50_000,
    ],
)
def test_what_is_no_http_is_ended(words):
    with live(seconds=0.2) as server, connected(server) as odd:
        odd.sendall(words)
        answer = all_that_comes(odd)
        assert answer[:12] in (b"", b"HTTP/1.1 400")
        assert answered(server)


def test_who_does_not_read_the_answers_is_cut_off():
    with live(seconds=0.2) as server, connected(server) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert send_until_cut_off(deaf, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100) < 10
        assert answered(server)


def test_more_connections_than_may_be_are_refused_and_the_rest_are_served():
    with live(connections=20, seconds=1) as server:
        idle = [connected(server) for _ in range(30)]
        time.sleep(0.2)
        refused = [c for c in idle if (c.settimeout(0.05), peek(c))[1].startswith(b"HTTP/1.1 503")]
        assert len(refused) == 10
        for connection in idle:
            connection.close()
        assert answered(server)


def peek(connection):
    try:
        return connection.recv(1000)
    except TimeoutError:
        return b""


def test_a_thousand_clients_at_once_are_answered_or_told_to_come_again():
    """Each sends a picture; nobody waits longer than the limit."""
    counts, slowest = {}, []
    data = picture("green", "JPEG")
    request = (
        b"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
        % (len(data), data)
    )

    def ask(server, start):
        start.wait()
        begun = time.monotonic()
        try:
            with connected(server) as client:
                client.sendall(request)
                status = all_that_comes(client)[9:12]
        except OSError:
            status = b"cut"
        counts[status] = counts.get(status, 0) + 1
        slowest.append(time.monotonic() - begun)

    with live(connections=400, at_once=32) as server:
        start = threading.Event()
        clients = [threading.Thread(target=ask, args=(server, start)) for _ in range(1000)]
        for client in clients:
            client.start()
        start.set()
        for client in clients:
            client.join(60)
        assert sum(counts.values()) == 1000
        assert counts[b"200"] >= 32
        assert counts.get(b"cut", 0) + counts.get(b"", 0) < 100
        assert max(slowest) < 30
        assert answered(server)
