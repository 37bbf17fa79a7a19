"""One request and its answer, watched: what the front of the server knows of HTTP and of WebSockets."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Final, Protocol

from starlette.types import Message, Receive, Scope, Send

from dragoman.core.errors import Cancelled
from dragoman.transport.base import Reply

WRITABLE: Final = "dragoman.writable"
"""An extension of the scope: ``now()`` says whether ``send`` would return without waiting. A time limit, which would
cost as much as sending, can then be left out."""
DIVERT: Final = "dragoman.divert"
"""An extension of the scope: ``to(take)`` has binary messages, or pieces of the body, given to ``take`` as they arrive.
What it answers with false, and all that follows until that was received, comes from ``receive``."""
REPLY_HEADERS: Final = "dragoman.reply_headers"
"""In the scope: names and values of headers that the reply of an HTTP request has, whatever it will be."""
_LINGER_S: Final = 30.0
_LINGER_IDLE_S: Final = 5.0
_CLIENT_LEFT: Final = 499
"""What the access log says where nobody was left to reply to."""


def divert(scope: Scope, take: Callable[[bytes], bool]) -> None:
    """Have what the client sends given to ``take`` first, where the server can do that. It need not be there."""
    if (extension := scope.get("extensions", {}).get(DIVERT)) is not None:
        extension["to"](take)


class Exchange(Protocol):
    """``receive`` and ``send`` are for the application; ``send`` raises ``Cancelled`` when the client has left."""

    scope: Scope
    request_id: str
    client_left: bool

    async def receive(self) -> Message: ...

    async def send(self, message: Message) -> None: ...

    async def refuse(self, reply: Reply) -> None:
        """Send it, unless the answer has begun. May raise what ``send`` does."""
        ...

    def facts(self) -> dict[str, object]:
        """For the access log: no query string (tokens travel there), no body, no transcript."""
        ...


class HttpExchange:
    """An early reply reaches a client that still sends."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, stall_timeout_s: float) -> None:
        """A client that reads nothing for ``stall_timeout_s`` has left."""
        self.scope = scope
        self.request_id = _request_id()
        self.client_left = False
        self._status = 0
        self._bytes_in = 0
        self._receive = receive
        self._send = _in_time(scope, send, stall_timeout_s)
        headers = dict(scope["headers"])
        self._body_read = headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
        self._body_withheld = headers.get(b"expect", b"").lower() == b"100-continue"
        _count_diverted(scope, self._count)

    async def receive(self) -> Message:
        self._body_withheld = False  # asking for the body is what makes the server send 100 Continue
        message = await self._receive()
        if message["type"] == "http.request":
            self._count(len(message.get("body", b"")))
            self._body_read = self._body_read or not message.get("more_body", False)
        return message

    def _count(self, size: int) -> None:
        self._bytes_in += size

    async def send(self, message: Message) -> None:
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if message["type"] == "http.response.start":
            self._status = message["status"]
            more = {b"x-request-id": self.request_id.encode(), **self.scope.get(REPLY_HEADERS, {})}
            headers = [*message["headers"], *more.items()]
            if not self._body_read:
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        if last and not self._body_read and not self._body_withheld:
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def refuse(self, reply: Reply) -> None:
        if not self._status:
            await reply.send(self.send)

    def facts(self) -> dict[str, object]:
        status = _CLIENT_LEFT if self.client_left else self._status
        return _facts(self.scope, self.scope["method"], {"status": status}, self._bytes_in)

    async def _linger(self) -> None:
        """Throw away what the client still sends, for a while. Closing a connection with unread data in it would
        reset it, and many clients would lose the reply."""
        try:
            async with asyncio.timeout(_LINGER_S):
                while not self._body_read:
                    async with asyncio.timeout(_LINGER_IDLE_S):
                        message = await self.receive()
                    if message["type"] == "http.disconnect":
                        return
        except TimeoutError:
            pass


class SocketExchange:
    """A WebSocket from its handshake on. What is refused before it is accepted gets an ordinary HTTP reply."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, stall_timeout_s: float) -> None:
        """A client that reads nothing for ``stall_timeout_s`` has left."""
        self.scope = scope
        self.request_id = _request_id()
        self.client_left = False
        self._status = 0
        self._close_code = 0
        self._bytes_in = 0
        self._receive = receive
        self._send = _in_time(scope, send, stall_timeout_s)
        _count_diverted(scope, self._count)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive":
            self._count(len(message.get("bytes") or message.get("text") or ""))
        return message

    def _count(self, size: int) -> None:
        self._bytes_in += size

    async def send(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept":
                self._status = 101
                headers = [*message.get("headers", ()), (b"x-request-id", self.request_id.encode())]
                message = {**message, "headers": headers}
            case "websocket.http.response.start":
                self._status = message["status"]
            case "websocket.close":
                self._close_code = message["code"]
        try:
            await self._send(message)
        except OSError:
            raise Cancelled("The client has left.") from None

    async def refuse(self, reply: Reply) -> None:
        if self._status:
            return
        headers = [*reply.raw_headers(), (b"x-request-id", self.request_id.encode())]
        await self.send({"type": "websocket.http.response.start", "status": reply.status, "headers": headers})
        await self.send({"type": "websocket.http.response.body", "body": reply.body})

    def facts(self) -> dict[str, object]:
        outcome = {"status": self._status}
        if self.client_left:
            outcome = {"status": _CLIENT_LEFT}
        elif self._close_code:
            outcome["closed"] = self._close_code
        return _facts(self.scope, "WEBSOCKET", outcome, self._bytes_in)


def _request_id() -> str:
    return f"req_{secrets.token_hex(12)}"


def _count_diverted(scope: Scope, count: Callable[[int], None]) -> None:
    """Have the sizes told of what does not come through ``receive``."""
    extension = scope.get("extensions", {}).get(DIVERT)
    if extension is None:
        return
    to: Callable[[Callable[[bytes], bool]], None] = extension["to"]

    def counted(take: Callable[[bytes], bool]) -> None:
        def taken(data: bytes) -> bool:
            if not take(data):
                return False
            count(len(data))
            return True

        to(taken)

    extension["to"] = counted


def _in_time(scope: Scope, send: Send, stall_timeout_s: float) -> Send:
    """``send``, which raises ``Cancelled`` when it waits for too long."""
    is_writable: Callable[[], bool] = scope.get("extensions", {}).get(WRITABLE, {}).get("now", lambda: False)

    async def send_in_time(message: Message) -> None:
        if is_writable():
            await send(message)
            return
        try:
            async with asyncio.timeout(stall_timeout_s):
                await send(message)
        except TimeoutError:
            raise Cancelled("The client does not read what it is sent.") from None

    return send_in_time


def _facts(scope: Scope, method: str, outcome: dict[str, int], bytes_in: int) -> dict[str, object]:
    client = scope.get("client")
    return {
        "method": method,
        "path": scope["path"],
        **outcome,
        "bytes_in": bytes_in,
        "client": client[0] if client else "",
        "key": scope.get("key_id", ""),
    }
