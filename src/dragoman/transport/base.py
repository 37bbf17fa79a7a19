"""What a dialect gives to the server, and what the server gives to a dialect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import msgspec
from starlette.requests import Request
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from dragoman.core.errors import DragomanError
from dragoman.core.events import SpeechEvent
from dragoman.core.request import AudioEncoding, RecognitionRequest, Vocabulary
from dragoman.service.auth import Authenticator
from dragoman.service.callbacks import CallbackForm
from dragoman.service.jobs import Jobs
from dragoman.service.limits import RateLimit
from dragoman.service.recognition import Recognition
from dragoman.service.vocabulary import CheckedVocabulary, Draft, Vocabularies
from dragoman.service.word_lists import WordLists
from dragoman.transport.multipart import Uploads

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        headers = [("content-type", self.content_type), ("content-length", str(len(self.body))), *self.headers]
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]

    async def send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.raw_headers()})
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


Frame = str | bytes
"""One message of a live stream, text or binary."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a client asks for by opening a stream: audio of ``rate`` samples a second, on the account of ``key_id``.

    ``headers`` are those of the reply. Of the streams of a ``session`` only the newest lives. Two ``channels`` are
    recognised each by itself.
    """

    request: RecognitionRequest
    rate: int
    key_id: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    session: str | None = None
    encoding: AudioEncoding = AudioEncoding.PCM
    channels: int = 1


@dataclass(frozen=True, slots=True)
class Audio:
    """In the encoding of the stream; pieces of any size."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Prefer:
    """The vocabulary of the stream. Once it is checked, ``VendorStream.preferred`` is told."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class Finish:
    """No more audio will come."""


Command = Audio | Prefer | Finish
"""What a client wants of an open stream."""


class VendorStream(Protocol):
    """One live stream in a vendor's words: wire ↔ ours. No socket, no clock. What it raises ends the stream.

    What was recognised and what the client is told are apart, so that a client that reads slowly gets the newest state
    of things and never a queue of old ones.
    """

    @property
    def opening(self) -> Opening: ...

    def receive(self, frame: Frame) -> Iterable[Command]:
        """A message of the client. Raises ``DragomanError``."""
        ...

    def preferred(self, checked: CheckedVocabulary) -> Vocabulary:
        """What counts of the vocabulary of a ``Prefer``. Raises ``DragomanError``."""
        ...

    def deliver(self, event: SpeechEvent) -> None:
        """Something was recognised."""
        ...

    def frames(self) -> Iterable[Frame]:
        """What the client has not been told yet; asked for once the stream is open, and whenever the client can take
        more."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What every dialect works with."""

    recognition: Recognition
    vocabularies: Vocabularies
    authenticator: Authenticator
    uploads: Uploads
    word_lists: WordLists
    started: Callable[[], Awaitable[None]]
    """Waits shortly for the recogniser to start. Raises ``EngineNotReady`` when it has not, with the reason."""
    jobs: Jobs
    job_uploads: Uploads
    """For the files of jobs: what was received with it need not be copied by ``jobs.submit``."""
    rate: RateLimit
    """Of the requests of a key to the APIs of jobs."""


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
    sockets: tuple[WebSocketRoute, ...] = ()
    aclose: Callable[[], Awaitable[None]] | None = None
    """Ends what outlives its request. Called while the recognition still runs."""
    callback: CallbackForm | None = None
    """How it says that a job has ended, if it tells anybody."""
    openapi: Callable[[], dict[str, Any]] | None = None
    """Makes its OpenAPI document, for an API that can have one."""


def answer(table: Mapping[type[DragomanError], T], error: DragomanError) -> T:
    """The entry of the error's class, or of its nearest parent that has one."""
    return next(table[kind] for kind in type(error).__mro__ if kind in table)
