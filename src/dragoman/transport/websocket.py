"""Live streams over WebSockets: one pump for every dialect that has them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from dragoman.core.errors import Cancelled, DragomanError, InternalError, Unavailable
from dragoman.transport.base import Frame, answer
from dragoman.transport.conversation import Reception, server_stops
from dragoman.transport.exchange import divert
from dragoman.transport.http import as_error

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
CLOSE_CODES: Final[dict[type[DragomanError], int]] = {
    DragomanError: 1008,
    InternalError: 1011,
    Unavailable: 1013,
}
"""How a connection is closed after an error: a violated policy is what RFC 6455 has for all that the client did wrong;
1011 and 1013 say that it did not, and that it may try again."""


class Socket:
    """A WebSocket route's end: a live stream for every connection.

    The connection is always accepted, so that what is wrong can be said in the vendor's own messages.
    """

    def __init__(self, reception: Reception, *, tells_stop: bool = False) -> None:
        """``tells_stop``: that the server stops is an error in the vendor's words, not only a reason to close."""
        self._reception = reception
        self._tells_stop = tells_stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # the wish to connect
        is_accepted = False
        try:
            vendor = await self._reception.make(HTTPConnection(scope))
            await _accept(send, vendor.opening.headers)
            is_accepted = True
            async with self._reception.conversation(vendor) as conversation:
                divert(scope, conversation.take)
                await conversation.run(partial(_hear, receive), partial(_tell, send))
                if self._tells_stop and not conversation.was_ended:
                    raise server_stops()
                # Still with the instance held: a server that stops waits for it, and then cuts connections off.
                await _close(send, NORMAL if conversation.was_ended else GOING_AWAY)
        except Cancelled:
            raise
        except (Exception, asyncio.CancelledError) as raised:
            error = as_error(raised, scope)
            if not is_accepted:
                await _accept(send)
            await _tell(send, self._reception.fail(error))
            await _close(send, answer(CLOSE_CODES, error), error.code)


async def _hear(receive: Receive) -> Frame:
    """Raises ``Cancelled`` when the client has left."""
    message = await receive()
    if message["type"] == "websocket.disconnect":
        raise Cancelled("The client has left.")
    text: str | None = message.get("text")
    data: bytes = message.get("bytes") or b""
    return data if text is None else text


async def _tell(send: Send, frames: Iterable[Frame]) -> None:
    for frame in frames:
        await send({"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame})


async def _accept(send: Send, headers: Iterable[tuple[str, str]] = ()) -> None:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "websocket.accept", "headers": raw})


async def _close(send: Send, code: int, reason: str = "") -> None:
    await send({"type": "websocket.close", "code": code, "reason": reason})
