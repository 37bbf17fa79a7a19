"""The client's end of a WebSocket of an application, without a socket between them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from starlette.types import ASGIApp, Message, Scope

from dragoman.transport.exchange import DIVERT


class AsgiSocket:
    """``sent`` is everything that the application sent. While ``reading`` is not set, it cannot send."""

    diverts: ClassVar[bool] = False
    """As a server that can hand over binary messages without waiting for ``receive``."""

    def __init__(self, path: str, headers: dict[str, str] | None = None) -> None:
        path, _, query = path.partition("?")
        self.scope: Scope = {
            "type": "websocket",
            "scheme": "ws",
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
            "client": ("192.0.2.1", 1),
            "extensions": {"websocket.http.response": {}},
        }
        self._take: Callable[[bytes], bool] = lambda data: False
        if self.diverts:
            self.scope["extensions"][DIVERT] = {"to": self._divert}
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self._arrived = asyncio.Event()
        self._read = 0
        self.incoming.put_nowait({"type": "websocket.connect"})

    async def receive(self) -> Message:
        return await self.incoming.get()

    async def send(self, message: Message) -> None:
        await self.reading.wait()
        self.sent.append(message)
        self._arrived.set()

    def say(self, message: str | bytes | dict[str, Any]) -> None:
        """A dictionary is sent as JSON."""
        if isinstance(message, dict):
            message = json.dumps(message)
        if isinstance(message, bytes) and self.incoming.empty() and self._take(message):
            return
        self.incoming.put_nowait(
            {"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message}
        )

    def _divert(self, take: Callable[[bytes], bool]) -> None:
        self._take = take

    def leave(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def next(self) -> Message:
        """The next thing that the application sends."""
        async with asyncio.timeout(5):
            while self._read == len(self.sent):
                self._arrived.clear()
                await self._arrived.wait()
        self._read += 1
        return self.sent[self._read - 1]

    async def hear(self) -> Any:
        """The next message, out of JSON."""
        message = await self.next()
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def closed(self) -> int:
        """The code with which the application closes, as its next word."""
        message = await self.next()
        assert message["type"] == "websocket.close", message
        code: int = message["code"]
        return code


@asynccontextmanager
async def connected(app: ASGIApp, socket: AsgiSocket) -> AsyncIterator[AsgiSocket]:
    """A socket whose client leaves at the end, if the application has not ended before."""
    serving = asyncio.create_task(app(socket.scope, socket.receive, socket.send), name="application")
    try:
        yield socket
    finally:
        socket.leave()
        await serving
