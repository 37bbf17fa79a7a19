"""Live streams in one request: its body is what the client says, the reply what it hears, both at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from dragoman.core.errors import Cancelled
from dragoman.transport.base import Frame
from dragoman.transport.conversation import Reception, server_stops
from dragoman.transport.exchange import divert
from dragoman.transport.http import as_error

_REST_S: Final = 5.0


class Duplex:
    """An HTTP route's end: a live stream for every request.

    The reply begins before any audio is read, because there are clients that wait for it; what is wrong until then is
    an ordinary reply. Unless something goes wrong it does not end before the body, because others wait for ever then.
    The body reaches the ``VendorStream`` in pieces of any size, its end as an empty frame.
    """

    def __init__(self, reception: Reception, content_type: str) -> None:
        self._reception = reception
        self._content_type = content_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        vendor = await self._reception.make(HTTPConnection(scope))
        body, said = _Body(receive), _Said(send)
        went_well = False
        async with self._reception.conversation(vendor) as conversation:
            headers = (("content-type", self._content_type), *vendor.opening.headers)
            raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            divert(scope, conversation.take)
            try:
                await conversation.run(body.next, said)
                if not conversation.was_ended:
                    raise server_stops()
            except Cancelled:
                raise
            except (Exception, asyncio.CancelledError) as raised:
                await said(self._reception.fail(as_error(raised, scope)))
            else:
                went_well = True
        if went_well:
            await body.rest()
        await send({"type": "http.response.body", "body": b""})


class _Body:
    """The pieces of a request's body."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._has_ended = False
        self._is_told = False

    async def next(self) -> bytes:
        """The next piece; an empty one, once, at the end. Raises ``Cancelled`` when the client has left."""
        while not self._has_ended or self._is_told:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Cancelled("The client has left.")
            self._has_ended = not message.get("more_body", False)
            if piece := message.get("body", b""):
                return bytes(piece)
        self._is_told = True
        return b""

    async def rest(self) -> None:
        """Throw away what the client still sends, for a while. Raises ``Cancelled`` when it has left."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_REST_S):
                while not self._has_ended:
                    await self.next()


class _Said:
    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            assert isinstance(frame, bytes)
            await self._send({"type": "http.response.body", "body": frame, "more_body": True})
