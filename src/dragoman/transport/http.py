"""What is between the HTTP server and the dialects: the front that every request passes, and work on behalf of a
client that may leave."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Final, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
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

logger = logging.getLogger(__name__)
access_logger = logging.getLogger("dragoman.access")

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The id of the request that the current task serves; log records carry it."""

_LINGER_S: Final = 30.0
_LINGER_IDLE_S: Final = 5.0
_RETRY_AFTER_S: Final = "2"
_CLIENT_LEFT: Final = 499
"""What the access log says where nobody was left to reply to."""

T = TypeVar("T")


def identify(request: Request, authenticator: Authenticator, *more: str | None) -> Identity:
    """Who calls, by ``Authorization: Bearer``, ``x-api-key``, or what else a dialect looks at (``more``), in this
    order; the first that is there decides. Raises ``AccessDenied``."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else None
    shown = next((text for text in (bearer, request.headers.get("x-api-key"), *more) if text), None)
    identity = authenticator.identify(shown)
    request.scope["key_id"] = identity.key_id
    return identity


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
    the error reply of the dialect whose path it is; an early reply reaches a client that still sends."""

    def __init__(
        self, app: ASGIApp, errors: Callable[[str], Callable[[DragomanError], Reply]], *, stall_timeout_s: float
    ) -> None:
        """``errors`` finds the error form for a path. A client that reads nothing for ``stall_timeout_s`` has left."""
        self._app = app
        self._errors = errors
        self._stall_timeout_s = stall_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # lets Starlette raise what it refuses instead of replying itself
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self._stall_timeout_s)
        reset = REQUEST_ID.set(exchange.request_id)
        started = time.perf_counter()
        try:
            await self._serve(exchange)
        finally:
            _log(exchange, time.perf_counter() - started)
            REQUEST_ID.reset(reset)

    async def _serve(self, exchange: _Exchange) -> None:
        headers: dict[str, str] = {}
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
            return
        except Cancelled:
            exchange.client_left = True
            return
        except asyncio.CancelledError:
            error: DragomanError = Unavailable("The server is stopping. Try again later.")
        except HTTPException as refusal:
            error = _refusal(exchange.scope, refusal)
            headers.update(refusal.headers or {})
        except DragomanError as raised:
            error = raised
            if isinstance(raised, InternalError):
                logger.exception("the request failed")
        except Exception:
            logger.exception("the request failed unexpectedly")
            error = InternalError()
        if isinstance(error, Unavailable):
            headers["retry-after"] = _RETRY_AFTER_S
        if not exchange.started:
            reply = self._errors(exchange.scope["path"])(error)
            try:
                await replace(reply, headers=(*reply.headers, *headers.items())).send(exchange.send)
            except (Cancelled, asyncio.CancelledError):
                exchange.client_left = True


class _Exchange:
    """A request and its response, watched."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, stall_timeout_s: float) -> None:
        self.scope = scope
        self.request_id = f"req_{secrets.token_hex(12)}"
        self.started = False
        self.status = 0
        self.bytes_in = 0
        self.client_left = False
        self._receive = receive
        self._send = send
        self._stall_timeout_s = stall_timeout_s
        headers = dict(scope["headers"])
        self._body_read = headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
        self._body_withheld = headers.get(b"expect", b"").lower() == b"100-continue"

    async def receive(self) -> Message:
        self._body_withheld = False  # asking for the body is what makes the server send 100 Continue
        message = await self._receive()
        if message["type"] == "http.request":
            self.bytes_in += len(message.get("body", b""))
            self._body_read = self._body_read or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Raises ``Cancelled`` when the client does not read."""
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers = [*message["headers"], (b"x-request-id", self.request_id.encode())]
            if not self._body_read:
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        if last and not self._body_read and not self._body_withheld:
            await self._sent({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._sent(message)

    async def _sent(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._stall_timeout_s):
                await self._send(message)
        except TimeoutError:
            raise Cancelled("The client does not read its reply.") from None

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


def _refusal(scope: Scope, refusal: HTTPException) -> DragomanError:
    if refusal.status_code == 405:
        allowed = (refusal.headers or {}).get("Allow", "")
        return MethodNotAllowed(f"{scope['method']} is not possible here; {allowed or 'nothing'} is.")
    return NotFound(f"There is nothing at {scope['method']} {scope['path']}.")


def _log(exchange: _Exchange, seconds: float) -> None:
    """One line a request: no query string (tokens travel there), no body, no transcript."""
    client = exchange.scope.get("client")
    facts = {
        "method": exchange.scope["method"],
        "path": exchange.scope["path"],
        "status": _CLIENT_LEFT if exchange.client_left else exchange.status,
        "ms": round(1000 * seconds),
        "bytes_in": exchange.bytes_in,
        "client": client[0] if client else "",
        "key": exchange.scope.get("key_id", ""),
    }
    access_logger.info("request", extra={"facts": facts})
