"""What a lone client waits for."""

import http.client
import time

from tests.alextrain.use.serve.colours import picture
from tests.alextrain.use.serve.live import live


def test_an_answer_does_not_wait_for_the_clients_acknowledgements():
    """An answer in two packets would take 40 ms longer: Nagle's rule and delayed ones."""
    body, took = picture("red", "JPEG"), []
    with live(wait=0) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        for _ in range(20):
            begun = time.perf_counter()
            connection.request("POST", "/predict", body)
            assert connection.getresponse().read()
            took.append(time.perf_counter() - begun)
        connection.close()
    assert sorted(took)[5] < 0.035
