"""The browser build of AWS's SDK for JavaScript, as it is, in headless Chromium over a WebSocket.

The page needs no driver: this test serves it, and the page posts what came. Chromium is told two things. The SDK speaks
to port 8443, so the name it is given leads to the server's port. And the authority is not in Chromium's store, so the
key of the server's certificate is named to it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import sdks
from amazon_server import KEY, STRANGERS, Served, check_two_cities
from sigv4_client import Client

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
TIMEOUT_S = 60
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
HOST = "dragoman.test"
PAGE = b"<!doctype html><meta charset=utf-8><link rel=icon href=data:,><script type=module src=page.js></script>"
Transcribe = Callable[[Client], Any]


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The page's, with the SDK in it, bundled as web applications are."""
    bundle = [sdks.node(), str(sdks.FOLDER / "node_modules/esbuild/bin/esbuild"), "--bundle", "--format=esm"]
    made = tmp_path_factory.mktemp("script") / "page.js"
    done = subprocess.run(
        [*bundle, "--log-level=warning", f"--outfile={made}", str(HERE / "transcribe_in_a_page.mjs")],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={"NODE_PATH": str(sdks.FOLDER / "node_modules")},
    )
    assert done.returncode == 0, done.stderr
    return made.read_bytes()


@contextmanager
def page(files: dict[str, bytes]) -> Iterator[tuple[str, Queue[Any]]]:
    """Its address, and what it posts."""
    posted: Queue[Any] = Queue()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = files.get(self.path)
            self.send_response(200 if found is not None else 404)
            self.send_header("content-type", "text/javascript" if self.path.endswith(".js") else "text/html")
            self.send_header("content-length", str(len(found or b"")))
            self.end_headers()
            self.wfile.write(found or b"")

        def do_POST(self) -> None:
            posted.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        serving = Thread(target=server.serve_forever, name="page")
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/", posted
        server.shutdown()
        serving.join()


@contextmanager
def browser(folder: Path, server: Served, url: str) -> Iterator[Path]:
    """Where it writes what it has to say."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.fail("needs Chromium; Debian has it in the package chromium-headless-shell")
    port = int(server.host.partition(":")[2])
    certificate = x509.load_pem_x509_certificate(ssl.get_server_certificate(("localhost", port)).encode())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    known = base64.b64encode(hashlib.sha256(key).digest()).decode()
    command = [
        *(program, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server"),
        "--no-sandbox",  # which root cannot have; the page is ours
        f"--user-data-dir={folder / 'profile'}",
        f"--host-resolver-rules=MAP {HOST} 127.0.0.1:{port}",
        f"--ignore-certificate-errors-spki-list={known}",
        url,
    ]
    log = folder / "log"
    with (
        log.open("wb") as file,
        subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True) as process,
    ):
        try:
            yield log
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # the program may be a script around it


@pytest.fixture
def transcribe(script: bytes, listening_server: Served, tmp_path: Path, two_cities_pcm: bytes) -> Transcribe:
    def run(key: Client) -> Any:
        credentials = {"accessKeyId": key.access_key, "secretAccessKey": key.secret}
        task = {"endpoint": f"https://{HOST}", "credentials": credentials, "rate": 16_000}
        files = {"/": PAGE, "/page.js": script, "/task.json": json.dumps(task).encode(), "/audio": two_cities_pcm}
        with page(files) as (url, posted), browser(tmp_path, listening_server, url) as log:
            try:
                return posted.get(timeout=TIMEOUT_S)
            except Empty:
                pytest.fail(f"the page said nothing; Chromium: {log.read_text()}")

    return run


def test_speech_is_transcribed(transcribe: Transcribe) -> None:
    heard = transcribe(KEY)
    assert "error" not in heard
    check_two_cities(heard["results"])


@pytest.mark.parametrize(("key", "code"), STRANGERS)
def test_who_does_not_know_the_secret_is_refused_by_the_names_of_the_service(
    transcribe: Transcribe, key: Client, code: str
) -> None:
    heard = transcribe(key)
    assert heard["error"][0] == code
    assert heard["results"] == []
