"""A server of files on the loopback interface, a kind or an unkind one."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Asked:
    path: str
    range: str | None
    if_range: str | None


@dataclass
class FileServer:
    files: dict[str, bytes]
    etag: str | None = '"one"'
    ranges: bool = True
    """Whether it sends parts of files."""
    heeds_conditions: bool = True
    """Whether it looks if the file still is the one that was meant."""
    break_after: int | None = None
    """Closes the connection when so many bytes of a reply's body are sent."""
    says_length: bool = True
    half_way: Callable[[], None] = lambda: None
    """Called when half of a body is sent."""
    answers: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    """Other answers than the file: path → status, headers."""
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def reply(self, handler: BaseHTTPRequestHandler) -> None:
        name = handler.path.removeprefix("/")
        asked = Asked(name, handler.headers["Range"], handler.headers["If-Range"])
        self.asked.append(asked)
        handler.close_connection = True
        if name in self.answers:
            status, headers = self.answers[name]
            handler.send_response(status)
            for key, value in headers.items():
                handler.send_header(key, value)
            handler.end_headers()
            return
        data, start = self.files[name], 0
        if self.ranges and asked.range and (asked.if_range in (None, self.etag) or not self.heeds_conditions):
            (begin,) = re.findall(r"bytes=(\d+)-", asked.range)
            start = int(begin)
        if start:
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            handler.send_response(200)
        if self.etag is not None:
            handler.send_header("ETag", self.etag)
        body = data[start:]
        if self.says_length:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        end = len(body) if self.break_after is None else min(len(body), self.break_after)
        middle = end // 2
        handler.wfile.write(body[:middle])
        handler.wfile.flush()
        self.half_way()
        handler.wfile.write(body[middle:end])


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[FileServer]:
    server = FileServer(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with suppress(BrokenPipeError, ConnectionResetError):  # the client left
                server.reply(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, name="files")
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
