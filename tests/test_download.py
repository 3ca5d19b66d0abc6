"""`shazip data` against a local server: resumed, checked, and never under its name unless right."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from cli_run import files_in, shazip

from shazip.progress import DownloadProgress, ProgressLine
from shazip.texts import corpora, download
from shazip.texts.corpora import Known

TEXT = np.random.default_rng(8).integers(0, 256, 300_000, np.uint8).tobytes()
SMALL = Known("enwik8", len(TEXT), hashlib.sha1(TEXT).hexdigest(), "")


def zipped(content: bytes, name: str = "enwik8") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


PACKED = zipped(TEXT)


class Handler(BaseHTTPRequestHandler):
    """Serves PACKED in the ways that its server's settings say."""

    def do_GET(self):
        server = self.server
        server.ranges.append(self.headers.get("Range"))
        if self.path == "/moved.zip":
            self.answer(301, {"Location": "/folder/"}, b"")
        elif self.path == "/file.zip":
            self.answer(302, {"Location": "file:///etc/passwd"}, b"")
        elif self.path == "/endless.zip":
            self.endless()
        elif self.path == "/folder/":
            self.answer(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>files</html>")
        elif self.path != "/enwik8.zip":
            self.send_error(404)
        else:
            self.serve(server.content)

    def endless(self):
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):  # the client leaves
            while True:
                self.wfile.write(bytes(1 << 16))

    def serve(self, content):
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not start or not self.server.has_ranges:
            self.answer(200, {}, content)
        elif int(start[1]) >= len(content):
            self.answer(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
        else:
            first = int(start[1])
            place = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
            self.answer(206, place, content[first:])

    def answer(self, status, headers, content):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: self.server.cut])
        self.wfile.flush()
        if self.server.cut is not None and len(content) > self.server.cut:
            self.server.going_on.wait(30)
        self.close_connection = True

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setitem(corpora.KNOWN, "enwik8", SMALL)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.chdir(tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.cut, server.has_ranges, server.ranges = PACKED, None, True, []
        server.going_on = threading.Event()
        server.going_on.set()
        server.url = f"http://127.0.0.1:{server.server_port}/enwik8.zip"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.going_on.set()
        server.shutdown()
        thread.join()


def fails(*arguments):
    """The one line in which the command says why it failed."""
    result = shazip("data", *arguments)
    assert (result.code, result.out) == (1, b"")
    (line,) = result.err.splitlines()
    return line


def test_it_comes_unpacked_and_checked(server, tmp_path):
    assert shazip("data", "enwik8", "--url", server.url) == (0, b"", "")
    assert files_in(tmp_path) == ["enwik8"]
    assert (tmp_path / "enwik8").read_bytes() == TEXT
    assert server.ranges == [None]


def test_a_right_file_is_left_alone_and_another_is_not_overwritten(server, tmp_path):
    (tmp_path / "e8").write_bytes(b"mine")
    arguments = ["enwik8", "-o", "e8", "--url", server.url]
    assert fails(*arguments) == "shazip: e8: already exists; use -f to overwrite"
    assert shazip("data", "-f", *arguments).code == 0
    before = (tmp_path / "e8").stat()
    line = f"shazip: e8: 300,000 bytes, sha1 {SMALL.sha1}\n"
    assert shazip("data", "-v", *arguments) == (0, b"", line)
    assert (tmp_path / "e8").stat() == before
    assert server.ranges == [None]


def test_what_was_cut_off_is_gone_on_with(server, tmp_path):
    server.cut = 100_000
    line = fails("enwik8", "--url", server.url)
    assert line.endswith(f"enwik8.zip: ends after 100,000 of {len(PACKED):,} bytes; try again")
    assert files_in(tmp_path) == ["enwik8.zip.part"]
    server.cut = None
    assert shazip("data", "enwik8", "--url", server.url).code == 0
    assert server.ranges == [None, "bytes=100000-"]
    assert (tmp_path / "enwik8").read_bytes() == TEXT
    assert files_in(tmp_path) == ["enwik8"]


PARTS = {
    "a server without ranges": (PACKED[:1000], False),
    "all but the renaming was done": (PACKED, True),
    "more than there is": (PACKED + b"x", True),
}


@pytest.mark.parametrize(("part", "has_ranges"), PARTS.values(), ids=PARTS.keys())
def test_whatever_is_there_before(server, tmp_path, part, has_ranges):
    (tmp_path / "enwik8.zip.part").write_bytes(part)
    server.has_ranges = has_ranges
    assert shazip("data", "enwik8", "--url", server.url).code == 0
    assert (tmp_path / "enwik8").read_bytes() == TEXT
    assert files_in(tmp_path) == ["enwik8"]


CONTENTS = {
    "other bytes": (zipped(TEXT[:-1] + bytes([TEXT[-1] ^ 1])), "has sha1"),
    "too few": (zipped(TEXT[1:]), "has 299,999 bytes, enwik8 has 300,000"),
    "too many": (zipped(TEXT + b"more" * 10**5), "enwik8 has 300,000"),
    "another name": (zipped(TEXT, "enwik9"), "contains no enwik8"),
    "no zip": (TEXT, "is not a zip file, or is damaged"),
    "damaged": (PACKED[:5000] + b"damaged" + PACKED[5007:], "is not a zip file, or is damaged"),
    "nothing": (b"", "is not a zip file, or is damaged"),
}


@pytest.mark.parametrize(("content", "message"), CONTENTS.values(), ids=CONTENTS.keys())
def test_wrong_content_is_refused_and_not_kept(server, tmp_path, content, message):
    server.content = content
    assert message in fails("enwik8", "--url", server.url)
    assert files_in(tmp_path) == []


def test_a_wrong_beginning_is_found_out_and_the_next_time_goes_well(server, tmp_path):
    (tmp_path / "enwik8.zip.part").write_bytes(bytes(5000))
    assert "damaged" in fails("enwik8", "--url", server.url)
    assert files_in(tmp_path) == []
    assert shazip("data", "enwik8", "--url", server.url).code == 0


def test_a_redirection_to_a_folder_is_refused(server, tmp_path):
    url = server.url.replace("enwik8.zip", "moved.zip")
    assert fails("enwik8", "--url", url).endswith("/folder/ is a web page, not a zip file")
    assert files_in(tmp_path) == []


def test_a_redirection_to_a_local_file_is_refused(server, tmp_path):
    url = server.url.replace("enwik8.zip", "file.zip")
    assert "'file:///etc/passwd' is not allowed" in fails("enwik8", "--url", url)
    assert files_in(tmp_path) == []


def test_a_download_that_never_ends_is_given_up_and_not_kept(server, tmp_path):
    url = server.url.replace("enwik8.zip", "endless.zip")
    most = SMALL.size + download.SLACK
    assert fails("enwik8", "--url", url) == f"shazip: {url} has more than {most:,} bytes"
    assert files_in(tmp_path) == []


def test_what_the_server_does_not_have(server, tmp_path):
    url = server.url.replace("enwik8.zip", "none")
    assert fails("enwik8", "--url", url) == f"shazip: {url}: 404 Not Found"


def test_no_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "*")

    def fail(*arguments, **options):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/enwik8.zip"
    assert fails("enwik8", "--url", url) == f"shazip: {url}: Connection refused"
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert fails("enwik8").endswith("enwik8.zip: Temporary failure in name resolution")
    assert files_in(tmp_path) == []


def test_a_silent_server_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    server.cut = 5000
    server.going_on.clear()
    assert fails("enwik8", "--url", server.url).endswith("no answer for 0 seconds; try again")
    assert (tmp_path / "enwik8.zip.part").read_bytes() == PACKED[:5000]


@pytest.mark.parametrize(
    "arguments",
    [
        "enwik7",
        "",
        "enwik8 -o -",
        "enwik8 --url file:///etc/passwd",
        "enwik8 --url enwik8.zip",
    ],
)
def test_usage_errors_exit_with_2(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = shazip("data", *arguments.split())
    assert (result.code, len(result.err.splitlines())) == (2, 2)


@pytest.mark.parametrize("output", ["folder", "none/enwik8", "/dev/null"])
def test_an_output_that_cannot_be(server, tmp_path, output):
    (tmp_path / "folder").mkdir()
    assert output in fails("enwik8", "-f", "--url", server.url, "-o", output)


def elsewhere(url: str, first: str = "") -> subprocess.Popen[bytes]:
    """The command in another process, which knows the small text."""
    code = (
        "import sys; from shazip.texts import corpora; from shazip.cli.main import main\n"
        f"{first}\n"
        f"corpora.KNOWN['enwik8'] = corpora.{SMALL!r}\n"
        f"main(['data', 'enwik8', '--url', {url!r}])"
    )
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_download_keeps_what_came_and_goes_on(server, tmp_path, number):
    server.cut = 200_000
    server.going_on.clear()
    process = elsewhere(server.url)
    part = tmp_path / "enwik8.zip.part"
    while process.poll() is None and not (part.exists() and part.stat().st_size > 100_000):
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + number, b"")
    assert files_in(tmp_path) == ["enwik8.zip.part"]
    size = part.stat().st_size
    server.cut = None
    assert shazip("data", "enwik8", "--url", server.url).code == 0
    assert server.ranges == [None, f"bytes={size}-"]
    assert (tmp_path / "enwik8").read_bytes() == TEXT


@pytest.mark.parametrize("limit", [1000, len(PACKED) - 1])
def test_a_full_disk_is_reported_with_the_file(server, tmp_path, limit):
    pytest.importorskip("resource")
    first = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    process = elsewhere(server.url, first)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == b"shazip: enwik8.zip.part: File too large\n"
    assert files_in(tmp_path) == ["enwik8.zip.part"]
    assert (tmp_path / "enwik8.zip.part").stat().st_size == limit
    assert shazip("data", "enwik8", "--url", server.url).code == 0


def test_the_line_of_a_download():
    text = DownloadProgress(ProgressLine("enwik8.zip", sys.stderr)).text
    assert text(0, 500, 1000, 2) == "50.0%  250 B/s  eta 0:02"
    assert text(400, 500, 1000, 2) == "50.0%  50 B/s  eta 0:10"
    assert text(0, 500, None, 2) == "500 B  250 B/s"
