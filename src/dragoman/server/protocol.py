"""uvicorn's HTTP/1.1 connection with bounds that it leaves open: size and time of a request's head."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class HttpProtocol(HttpToolsProtocol):
    """Closes a connection whose request line and headers are too long, or too long in coming."""

    max_head_bytes: ClassVar[int] = 64 << 10
    """Beyond the first piece that arrives."""
    head_timeout_s: ClassVar[float] = 30.0

    _silent = True
    _in_head = True
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._silent = False
        was_in_head = self._in_head
        super().data_received(data)
        if was_in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.max_head_bytes:
                self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_ended()
        super().on_headers_complete()

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
