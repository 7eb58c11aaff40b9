"""What a person may name, and in which order it comes."""

import contextlib
import io
import os
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from alexprep.errors import ImageError
from alextrain.use.pictures import find_pictures
from alextrain.use.urls import read_url
from tests.alextrain.small_shards import encode, picture

JPEG = encode(picture(1, 40))


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.JPG", "b/10.png", "a.webp", ".hidden.jpg", "notes.txt", ".git/x.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def read(arguments):
    return [one.read() for one in find_pictures(map(str, arguments))]


def test_a_folder_gives_its_pictures_sorted_and_nothing_hidden(folder):
    assert read([folder]) == [b"a.webp", b"b/10.png", b"b/2.JPG"]


def test_arguments_keep_their_order_and_what_is_named_itself_is_tried(folder):
    found = find_pictures([str(folder / "notes.txt"), str(folder / "a.webp"), str(folder / "b")])
    assert [one.read() for one in found] == [b"notes.txt", b"a.webp", b"b/10.png", b"b/2.JPG"]
    assert next(one.name.removeprefix(f"{folder}/") for one in found) == "notes.txt"


def test_a_pattern_is_expanded_where_the_shell_did_not(folder):
    assert read([folder / "**" / "*.JPG"]) == [b"b/2.JPG"]
    with pytest.raises(ImageError, match="no file fits this pattern"):
        read([folder / "*.gif"])


def test_a_tar_is_read_in_place_labels_left_aside(tmp_path):
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        for name in ("n01/x.jpg", "n01/x.cls", "n02/._y.jpg", "n02/y.png"):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    assert read([tmp_path / "set.tar"]) == [b"n01/x.jpg", b"n02/y.png"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("none.jpg", None, "No such file or directory"),
        ("cut.tar", b"x" * 700, "no tar archive"),
        ("empty", "folder", "a folder without pictures"),
    ],
)
def test_what_cannot_be_read_is_one_bad_picture(tmp_path, name, content, reason):
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    [found] = find_pictures([str(path)])
    assert found.name == str(path)
    with pytest.raises(ImageError, match=reason):
        found.read()


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        answers = {"/x.jpg": (200, {}), "/moved": (302, {"Location": "/x.jpg"})}
        answers["/drip"] = 200, {}
        answers["/short"] = 200, {"Content-Length": "9"}
        answers["/away"] = 302, {"Location": "file:///etc/hostname"}
        status, headers = answers.get(self.path, (404, {}))
        self.send_response(status, "\x1b[31mred" if self.path == "/red" else None)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.path == "/drip":
            self.drip()
        elif self.path == "/short":
            self.wfile.write(b"x")
        elif status == 200:
            self.wfile.write(JPEG)

    def log_message(self, *args):
        pass

    def drip(self):
        with contextlib.suppress(OSError):  # the client has had enough
            for _ in range(100):
                self.wfile.write(b"x")
                time.sleep(0.02)


@pytest.fixture(scope="module")
def server():
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_http_is_read_and_followed(server):
    assert read([f"{server}/x.jpg", f"{server}/moved"]) == [JPEG, JPEG]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("SERVER/none.jpg", "the server answers 404"),
        ("SERVER/away", "file"),
        ("http://127.0.0.1:9/x.jpg", "cannot be reached"),
        ("pipe:cat /etc/hostname", "URLs of pipe: are not read; give http:, https: or s3:"),
        ("file:///etc/hostname", "URLs of file: are not read"),
        ("simplecache::s3://bucket/x.jpg", "URLs of simplecache: are not read"),
    ],
)
def test_urls_that_are_refused_or_fail_say_why(server, url, reason):
    with pytest.raises(ImageError, match=reason):
        read_url(url.replace("SERVER", server))


def test_a_server_that_sends_drop_by_drop_or_too_little_is_given_up(server, monkeypatch):
    monkeypatch.setattr("alextrain.use.urls.LONGEST", 0.3)
    began = time.monotonic()
    with pytest.raises(ImageError, match=r"did not arrive within 0\.3 seconds"):
        read_url(f"{server}/drip")
    assert time.monotonic() - began < 1.5
    with pytest.raises(ImageError, match="IncompleteRead"):
        read_url(f"{server}/short")


def test_what_one_may_have_to_wait_for_is_read_where_ctrl_c_is_heard(tmp_path, monkeypatch):
    readers = []
    monkeypatch.setattr(
        "alextrain.use.pictures._read_file", lambda _: readers.append(threading.current_thread())
    )
    os.mkfifo(tmp_path / "pipe")
    find_pictures([str(tmp_path / "pipe")])
    assert readers == [threading.main_thread()]


def test_a_closed_standard_input_is_one_bad_picture(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ImageError, match="is closed"):
        read(["-"])


def test_what_a_server_says_cannot_reach_the_terminal_raw(server, predictor):
    [picture] = find_pictures([f"{server}/red"])
    [answer] = predictor.answer([picture])
    assert answer.error == r"the server answers 404 \x1b[31mred"
    assert find_pictures(["http://x\n/y"])[0].name == r"http://x\x0a/y"


def test_standard_input_is_one_picture(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(JPEG)))
    assert read(["-"]) == [JPEG]


def test_two_stars_go_round_in_no_circles_and_name_each_picture_once(folder, monkeypatch):
    for name in ("1", "2", "3"):  # glob.glob would go 3**40 ways
        (folder / "b" / name).symlink_to(folder)
    monkeypatch.chdir(folder)
    every = ["a.webp", "b/10.png", "b/2.JPG", "notes.txt"]
    assert sorted(one.name for one in find_pictures(["**"])) == every
    assert sorted(one.name for one in find_pictures(["**/*"])) == every
    assert read(["**/*.JPG", f"{folder}/**/b/*.png"]) == [b"b/2.JPG", b"b/10.png"]


def test_what_is_no_file_is_passed_over_and_never_waited_for(folder):
    os.mkfifo(folder / "b" / "1.jpg")
    first, second = find_pictures([str(folder / "b")])[:2]
    with pytest.raises(ImageError, match="a pipe, socket or device, no file"):
        first.read()
    assert second.read() == b"b/10.png"


def test_what_has_no_end_is_read_to_the_limit(monkeypatch):
    monkeypatch.setattr("alextrain.use.urls.MAX_BYTES", 1 << 20)
    with pytest.raises(ImageError, match="more than 1 MB, which no picture has"):
        read(["/dev/zero"])


def test_a_name_that_no_file_can_have_is_one_bad_picture(folder):
    long, good = find_pictures(["x" * 300, str(folder / "a.webp")])
    with pytest.raises(ImageError, match="File name too long"):
        long.read()
    assert good.read() == b"a.webp"
