"""Servers on loopback: http with and without ranges, that fail as told, and one that speaks S3."""

import http.server
import re
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path


class Ranges(http.server.SimpleHTTPRequestHandler):
    """Serves a folder by ranges. `server.plan` says what the next requests get instead."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        fault = self.server.plan.pop(0) if self.server.plan else None
        path = Path(self.translate_path(self.path))
        if self.server.broken and self.server.broken in self.path:
            fault = "die"
        if isinstance(fault, int):
            self.send_error(fault)
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not path.is_file() or not asked or not self.server.ranges:
            super().do_GET()
            return
        size = path.stat().st_size
        first, last = int(asked[1]), min(int(asked[2]), size - 1)
        if first >= size:
            self.send_error(416)
            return
        with path.open("rb") as file:
            file.seek(first)
            body = file.read(last + 1 - first)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "die":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Say nothing of a client that hangs up."""


@contextmanager
def serving(folder, *, ranges=True):
    """Serve a folder; yields the server, which has `url`, `asked`, `plan` and `broken`, a name."""
    handler = partial(Ranges, directory=folder)
    with Server(("127.0.0.1", 0), handler) as server:
        server.ranges, server.asked, server.plan, server.broken = ranges, [], [], None
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
