"""What is between the HTTP server and the dialects: the front that every request passes, and work on behalf of a
client that may leave."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Final, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dragoman.core.errors import (
    Cancelled,
    DragomanError,
    InternalError,
    MethodNotAllowed,
    NotFound,
    Unavailable,
)
from dragoman.service.auth import Authenticator, Identity
from dragoman.transport.base import Reply
from dragoman.transport.exchange import REPLY_HEADERS, Exchange, HttpExchange, SocketExchange

logger = logging.getLogger(__name__)
access_logger = logging.getLogger("dragoman.access")

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The id of the request that the current task serves; log records carry it."""

T = TypeVar("T")


def identify(request: HTTPConnection, authenticator: Authenticator, *more: str | None) -> Identity:
    """Who calls, by ``Authorization: Bearer``, ``x-api-key``, or what else a dialect looks at (``more``), in this
    order; the first that is there decides. Raises ``AccessDenied``."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else None
    shown = next((text for text in (bearer, request.headers.get("x-api-key"), *more) if text), None)
    identity = authenticator.identify(shown)
    request.scope["key_id"] = identity.key_id
    return identity


def add_reply_headers(request: Request, headers: Mapping[str, str]) -> None:
    """The reply has them, whatever it will be."""
    given: dict[bytes, bytes] = request.scope.setdefault(REPLY_HEADERS, {})
    given |= {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}


def take_request_id(request: Request, request_id: str) -> None:
    """From here on the request has the id that its client gave it, in the reply and in the log."""
    REQUEST_ID.set(request_id)
    add_reply_headers(request, {"x-request-id": request_id})


async def run_while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``; when the client leaves, the work is cancelled and ``Cancelled`` raised.

    The body of the request must have been read to its end.
    """
    working = asyncio.create_task(work, name="request")
    watching = asyncio.create_task(_departure(receive), name="departure")
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            watching.result()
            raise Cancelled
        return working.result()
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def body_pieces(receive: Receive) -> AsyncGenerator[bytes, None]:
    """A body of any length as it arrives, however long it takes. Raises ``Cancelled`` when the client leaves."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Cancelled("The client left before its upload was complete.")
        if piece := message.get("body", b""):
            yield piece
        more = message.get("more_body", False)


async def send_events(send: Send, events: AsyncGenerator[bytes, None]) -> None:
    """Server-sent events; each item is the data of one. Nothing is sent before the first item, so what is raised
    until then can still become an error reply. Back-pressure reaches ``events``, which is closed at the end."""
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
    start: Message | None = {"type": "http.response.start", "status": 200, "headers": headers}
    async with aclosing(events):
        async for data in events:
            if start is not None:
                await send(start)
                start = None
            await send({"type": "http.response.body", "body": b"data: " + data + b"\n\n", "more_body": True})
    if start is not None:
        await send(start)
    await send({"type": "http.response.body", "body": b""})


class Front:
    """The outermost application. Every request gets an id and a line in the access log; whatever is raised becomes
    the error reply of the dialect whose path it is."""

    def __init__(
        self, app: ASGIApp, errors: Callable[[str], Callable[[DragomanError], Reply]], *, stall_timeout_s: float
    ) -> None:
        """``errors`` finds the error form for a path. A client that reads nothing for ``stall_timeout_s`` has left."""
        self._app = app
        self._errors = errors
        self._stall_timeout_s = stall_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # lets Starlette raise what it refuses instead of replying itself
        if scope["type"] not in _EXCHANGES:
            await self._app(scope, receive, send)
            return
        exchange = _EXCHANGES[scope["type"]](scope, receive, send, self._stall_timeout_s)
        reset = REQUEST_ID.set(exchange.request_id)
        started = time.perf_counter()
        try:
            await self._serve(exchange)
        finally:
            seconds = time.perf_counter() - started
            access_logger.info("request", extra={"facts": {**exchange.facts(), "ms": round(1000 * seconds)}})
            REQUEST_ID.reset(reset)

    async def _serve(self, exchange: Exchange) -> None:
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Cancelled:
            exchange.client_left = True
        except (Exception, asyncio.CancelledError) as raised:
            error = as_error(raised, exchange.scope)
            reply = self._errors(exchange.scope["path"])(error)
            headers = [*reply.headers, *((raised.headers or {}).items() if isinstance(raised, HTTPException) else ())]
            if isinstance(error, Unavailable):
                headers.append(("retry-after", str(error.retry_after_s)))
            try:
                await exchange.refuse(replace(reply, headers=tuple(headers)))
            except (Cancelled, asyncio.CancelledError):
                exchange.client_left = True


_EXCHANGES: Final[dict[str, Callable[[Scope, Receive, Send, float], Exchange]]] = {
    "http": HttpExchange,
    "websocket": SocketExchange,
}


def as_error(raised: BaseException, scope: Scope) -> DragomanError:
    """What the client of a request is told of it. What is the server's fault is logged."""
    match raised:
        case InternalError():
            logger.error("the request failed", exc_info=raised)
            return raised
        case DragomanError():
            return raised
        case asyncio.CancelledError():
            return Unavailable("The server is stopping. Try again later.")
        case HTTPException(status_code=405, headers=headers):
            allowed = (headers or {}).get("Allow", "")
            return MethodNotAllowed(f"{scope['method']} is not possible here; {allowed or 'nothing'} is.")
        case HTTPException():
            return NotFound(f"There is nothing at {scope.get('method', 'WEBSOCKET')} {scope['path']}.")
        case _:
            logger.error("the request failed unexpectedly", exc_info=raised)
            return InternalError()
