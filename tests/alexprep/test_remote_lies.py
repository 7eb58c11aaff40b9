"""Servers that lie, send on, or are not there: one sentence that says so, and no crash."""

import http.server
import threading
from contextlib import contextmanager

import pytest

from alexprep.errors import RawError
from alexprep.raw.detect import open_raw
from alexprep.remote import attempts, transfer
from alexprep.shards.fetched import remote_manifest
from tests.servers import Server, serving

pytest.importorskip("aiohttp")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(attempts, "_FIRST_WAIT", 0.001)


@contextmanager
def answering(answer):
    """A server that gives to each GET and HEAD what `answer` makes: status, headers, body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def do_GET(self):
            status, headers, body = answer(self)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def generous(data):
    """Answers with all that follows the first byte that is asked for, as some servers do."""

    def answer(request):
        asked = request.headers.get("Range")
        if not asked:
            return 200, {}, data
        first = int(asked.removeprefix("bytes=").partition("-")[0])
        headers = {"Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"}
        return 206, headers, data[first:]

    return answer


MORE = r"the server sends [\d,]+ bytes where [\d,]+ are asked for; copy it here"


def test_more_bytes_than_asked_for_are_refused():
    with answering(generous(bytes(5000))) as url, pytest.raises(RawError, match=MORE):
        transfer.read_range(f"{url}/raw.tar", 10, 20)


def test_more_bytes_than_asked_for_do_not_crash_the_reader_of_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"image": [b"1" * 999] * 9, "label": range(9)})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=2, compression="none")
    data = (tmp_path / "x.parquet").read_bytes()
    with answering(generous(data)) as url, pytest.raises(RawError, match=MORE):
        open_raw(f"{url}/raw.parquet")


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("", "sends from one address to the next without end; check the URL"),
        ("file:///etc/passwd", "sends on to what is no address; check the URL"),
        ("http://[::bad/x.tar", "sends on to what is no address; check the URL"),
    ],
)
def test_where_a_server_sends_on_to_is_judged(location, sentence):
    with (
        answering(lambda request: (302, {"Location": location or request.path}, b"")) as url,
        pytest.raises(RawError, match=sentence),
    ):
        open_raw(f"{url}/raw.tar")


def test_a_server_that_is_not_reached_is_not_a_file_that_is_not_there(tmp_path):
    with serving(tmp_path) as server:
        url = server.url
        with pytest.raises(RawError, match="no such file there; check the URL"):
            open_raw(f"{url}/raw.tar")
        assert remote_manifest(f"{url}/shards") is None
    sentence = r"cannot be fetched \(ClientConnectorError\); check the network .* \(4 attempts\)"
    for path in ("raw.tar", "raw.zip", "raw"):
        with pytest.raises(RawError, match=sentence):
            open_raw(f"{url}/{path}")
    with pytest.raises(RawError, match=sentence):
        remote_manifest(f"{url}/shards")


@pytest.mark.parametrize("url", ["http://", "http:///raw.tar", "http://[::1/raw.tar", "s3://"])
def test_a_url_without_a_server_is_refused(url):
    with pytest.raises(RawError, match="names no server or no bucket; check the URL"):
        open_raw(url)


def test_a_name_that_is_none_of_the_hub_is_refused():
    pytest.importorskip("huggingface_hub")
    with pytest.raises(RawError, match="hf://nosuch: names no file or folder; check the URL"):
        open_raw("hf://nosuch")


def test_a_file_without_end_is_not_taken_into_the_memory(monkeypatch):
    monkeypatch.setattr(transfer, "_LARGEST", 10_000)
    for size, fits in ((10_000, True), (10_001, False)):
        with answering(lambda _request, size=size: (200, {}, bytes(size))) as url:
            if fits:
                assert transfer.read_whole(f"{url}/manifest.json") == bytes(size)
                continue
            with pytest.raises(RawError, match="sends more than 10,000 bytes, and no end is in"):
                transfer.read_whole(f"{url}/manifest.json")


def test_folders_that_a_server_invents_come_to_an_end(monkeypatch):
    monkeypatch.setattr(transfer, "_FOLDERS", 20)
    page = b'<a href="a/">a</a><a href="b/">b</a><a href="1.jpg">1</a>'
    with (
        answering(lambda _request: (200, {"Content-Type": "text/html"}, page)) as url,
        pytest.raises(RawError, match="lists more than 20 folders; pack the set into"),
    ):
        transfer.list_folder(url)
