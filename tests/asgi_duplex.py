"""The client's end of a request whose reply begins before its body ends, without a socket between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Message, Scope

TIMEOUT_S = 5


class AsgiDuplex:
    """``sent`` is everything that the application sent."""

    def __init__(self, path: str, headers: dict[str, str] | None = None) -> None:
        path, _, query = path.partition("?")
        fields = {"host": "test", **(headers or {})}
        self.scope: Scope = {
            "type": "http",
            "http_version": "2",
            "scheme": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
            "client": ("192.0.2.1", 1),
        }
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []
        self._arrived = asyncio.Event()
        self._read = 0

    async def receive(self) -> Message:
        return await self.incoming.get()

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        self._arrived.set()

    def say(self, data: bytes) -> None:
        self.incoming.put_nowait({"type": "http.request", "body": data, "more_body": True})

    def end(self, data: bytes = b"") -> None:
        """The end of the body."""
        self.incoming.put_nowait({"type": "http.request", "body": data, "more_body": False})

    def leave(self) -> None:
        self.incoming.put_nowait({"type": "http.disconnect"})

    async def next(self) -> Message:
        """The next thing that the application sends."""
        async with asyncio.timeout(TIMEOUT_S):
            while self._read == len(self.sent):
                self._arrived.clear()
                await self._arrived.wait()
        self._read += 1
        return self.sent[self._read - 1]

    async def status(self) -> int:
        """Of the reply, as its next word."""
        message = await self.next()
        assert message["type"] == "http.response.start", message
        status: int = message["status"]
        return status

    async def hear(self) -> bytes:
        """The next piece of the reply; empty at its end."""
        while True:
            message = await self.next()
            assert message["type"] == "http.response.body", message
            body: bytes = message.get("body", b"")
            if body or not message.get("more_body", False):
                return body

    @property
    def headers(self) -> dict[str, str]:
        """Of the reply."""
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}


@asynccontextmanager
async def requesting(app: ASGIApp, request: AsgiDuplex) -> AsyncIterator[AsgiDuplex]:
    """A request whose client leaves at the end, if the application has not ended before."""
    serving = asyncio.create_task(app(request.scope, request.receive, request.send), name="application")
    try:
        yield request
    finally:
        request.leave()
        async with asyncio.timeout(TIMEOUT_S):
            await serving
