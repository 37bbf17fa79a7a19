"""uvicorn's connections with bounds that it leaves open: size and time of a request's head, the patience with clients
of WebSockets that do not read or do not close. A connection that turns out to speak HTTP/2 is handed over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from dragoman.server.http2 import PREFACE, Http2Protocol
from dragoman.transport.exchange import DIVERT, WRITABLE

MAX_MESSAGE_BYTES: Final = 4 << 20
"""A longer message of a WebSocket closes it with 1009. Two minutes of audio at 16 kHz are as much."""

_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 19\r\n"
    b"connection: close\r\n\r\nService Unavailable"
)


class HttpProtocol(HttpToolsProtocol):
    """Closes a connection whose request line and headers are too long, or too long in coming.

    One that begins with the preface of HTTP/2, or has agreed on it in the TLS handshake, goes to ``Http2Protocol``.
    """

    alpn_protocols: ClassVar[list[str]] = ["h2", "http/1.1"]
    http2: ClassVar[type[Http2Protocol]] = Http2Protocol

    max_head_bytes: ClassVar[int] = 64 << 10
    """Beyond the first piece that arrives."""
    head_timeout_s: ClassVar[float] = 30.0

    _silent = True
    _opening: bytes | None = b""
    """What has arrived while it may still be the preface of HTTP/2."""
    _in_head = True
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _take: Callable[[bytes], bool] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            self._hand_over(b"")
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._silent = False
        if self._opening is not None:
            self._opening += data
            if self._opening.startswith(PREFACE):
                self._hand_over(self._opening)
                return
            if PREFACE.startswith(self._opening):
                return
            data, self._opening = self._opening, None
        was_in_head = self._in_head
        super().data_received(data)
        if was_in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.max_head_bytes:
                self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._take = None
        self.scope["extensions"] = {
            WRITABLE: {"now": lambda: not self.flow.write_paused},
            DIVERT: {"to": self._divert},
        }
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_ended()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Sooner than by the cycle of request and response, as long as nothing waits there."""
        is_next = not self.cycle.body and not self.cycle.message_event.is_set()
        if not (is_next and self._take is not None and self._take(body)):
            super().on_body(body)

    def _divert(self, take: Callable[[bytes], bool]) -> None:
        self._take = take

    def _should_upgrade(self) -> bool:
        """Anything but GET would fail in the protocol of WebSockets without a reply."""
        return self.scope["method"] == "GET" and super()._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """An offer to go on as HTTP/2 is not taken up, but its parser drops the body of such a request."""
        headers = dict(self.headers)
        if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
            self.send_400_response("A request with a body cannot offer an upgrade here; leave out the header Upgrade.")

    def _hand_over(self, data: bytes) -> None:
        self._head_ended()
        self.connections.discard(self)
        protocol = self.http2(self.config, self.server_state, self.app_state, self.loop)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if data:
            protocol.data_received(data)

    def handle_websocket_upgrade(self) -> None:
        """uvicorn counts the connections of WebSockets and bounds those of HTTP."""
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self.transport.write(_FULL)
            self.transport.close()
        else:
            super().handle_websocket_upgrade()

    def _await_head(self) -> None:
        self._head_ended()
        self._in_head = True
        self._head_timer = self.loop.call_later(self.head_timeout_s, self._head_is_late)

    def _head_ended(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        if self._silent:
            self.transport.close()  # a browser that connected ahead of need is not told anything
        elif not self.transport.is_closing():
            self.send_400_response("The head of the request did not arrive in time.")


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Ends a connection whatever its client does, and keeps nothing for one that does not read."""

    patience_s: ClassVar[float] = 10.0
    """How long a client may take to close the connection once the server is done with it."""

    _patience: asyncio.TimerHandle | None = None
    _take: Callable[[bytes], bool] | None = None

    async def run_asgi(self) -> None:
        self.scope["extensions"] |= {WRITABLE: {"now": self.writable.is_set}, DIVERT: {"to": self._divert}}
        try:
            await super().run_asgi()
        finally:
            self._take = None
            if not self.disconnected:
                self._patience = self.loop.call_later(self.patience_s, self.transport.abort)

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # a refusal is an answer; uvicorn would log that there was none

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        super().connection_lost(exc)

    def handle_bytes(self, event: Frame) -> None:
        """Sooner than by the queue, as long as nothing is in it."""
        is_next = event.fin and self.queue.empty() and not self.close_sent
        if not (is_next and self._take is not None and self._take(bytes(event.data))):
            super().handle_bytes(event)

    def _divert(self, take: Callable[[bytes], bool]) -> None:
        self._take = take

    def handle_ping(self) -> None:
        output = self.conn.data_to_send()
        if self.writable.is_set():
            self.transport.write(b"".join(output))

    def handle_cont(self, event: Frame) -> None:
        if event.data or event.fin:
            super().handle_cont(event)

    def handle_parser_exception(self) -> None:
        """A connection that is closed while its client still sends would be reset, and the client not learn why."""
        if self.close_sent:
            return
        closed = self.conn.close_sent
        assert closed is not None
        self.queue.put_nowait({"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.patience_s, self.transport.close)
