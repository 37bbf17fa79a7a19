"""What a dialect gives to the server, and what the server gives to a dialect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dragoman.core.errors import DragomanError
from dragoman.service.auth import Authenticator
from dragoman.service.recognition import Recognition
from dragoman.service.vocabulary import Vocabularies
from dragoman.transport.multipart import Uploads

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    async def send(self, send: Send) -> None:
        headers = [("content-type", self.content_type), ("content-length", str(len(self.body))), *self.headers]
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": self.body})


def json_reply(content: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """``content`` is a wire model or plain values. Ends with a line feed, for people at a terminal."""
    return Reply(status, msgspec.json.encode(content) + b"\n", headers=headers)


class Endpoint:
    """A route's end: sends its own reply, or raises; what it raises is said in the dialect's words by ``Front``.

    A raw ASGI application, because Starlette's own wrappers around a streamed response read what the client sends.
    """

    def __init__(self, respond: Callable[[Request, Send], Awaitable[None]]) -> None:
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._respond(Request(scope, receive, send), send)


@dataclass(frozen=True, slots=True)
class Services:
    """What every dialect works with."""

    recognition: Recognition
    vocabularies: Vocabularies
    authenticator: Authenticator
    uploads: Uploads
    started: Callable[[], Awaitable[None]]
    """Waits shortly for the recogniser to start. Raises ``EngineNotReady`` when it has not, with the reason."""


@dataclass(frozen=True, slots=True)
class Example:
    """The parts of a command line that shows a dialect at work, quoted for a shell."""

    base_url: str
    file_option: str
    """curl's option that sends a sample recording as the field ``file``."""
    key_option: str
    """curl's option that shows a key, empty where none is needed."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One line of a dialect's coverage page: what becomes of an option (or of the operation, where it has no name)."""

    operation: str
    option: str
    treatment: Literal["supported", "ignored", "refused", "differs"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """A dialect's coverage page. ``source`` says which document it is measured against."""

    title: str
    source: str
    notes: tuple[str, ...]
    options: tuple[Covered, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One vendor's API. Requests below ``prefixes`` get their errors in its form."""

    name: str
    prefixes: tuple[str, ...]
    routes: tuple[Route, ...]
    errors: Callable[[DragomanError], Reply]
    coverage: Coverage
    example: Callable[[Example], str]
    """A command line that works as it is printed."""


def answer(table: Mapping[type[DragomanError], T], error: DragomanError) -> T:
    """The entry of the error's class, or of its nearest parent that has one."""
    return next(table[kind] for kind in type(error).__mro__ if kind in table)
