"""Live streams in one request: its body is what the client says, the reply what it hears, both at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from dragoman.core.errors import Cancelled, Unavailable
from dragoman.transport.base import Frame
from dragoman.transport.conversation import Reception
from dragoman.transport.http import as_error


class Duplex:
    """An HTTP route's end: a live stream for every request.

    The reply begins before any audio is read, because there are clients that wait for it; what is wrong until then is
    an ordinary reply. The body reaches the ``VendorStream`` in pieces of any size, its end as an empty frame.
    """

    def __init__(self, reception: Reception, content_type: str) -> None:
        self._reception = reception
        self._content_type = content_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        vendor = await self._reception.make(HTTPConnection(scope))
        said = _Said(send)
        async with self._reception.conversation(vendor) as conversation:
            headers = (("content-type", self._content_type), *vendor.opening.headers)
            raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            try:
                await conversation.run(_Body(receive).next, said)
                if not conversation.was_ended:
                    raise Unavailable("The server is stopping. Try again later.")
            except Cancelled:
                raise
            except (Exception, asyncio.CancelledError) as raised:
                await said(self._reception.fail(as_error(raised, scope)))
        await send({"type": "http.response.body", "body": b""})  # once the client has ended, or for long enough not


class _Body:
    """The pieces of a request's body."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._has_ended = False

    async def next(self) -> bytes:
        """The next piece; an empty one, once, at the end. Raises ``Cancelled`` when the client has left."""
        if self._has_ended:
            self._has_ended = False
            return b""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Cancelled("The client has left.")
            piece: bytes = message.get("body", b"")
            is_last = not message.get("more_body", False)
            if piece or is_last:
                self._has_ended = bool(piece) and is_last
                return piece


class _Said:
    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            assert isinstance(frame, bytes)
            await self._send({"type": "http.response.body", "body": frame, "more_body": True})
