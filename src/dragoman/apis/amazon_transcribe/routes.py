"""Amazon's operations over HTTP: the calls at ``POST /``, and the files that their replies name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.routing import Route, WebSocketRoute
from starlette.types import Send

from dragoman.apis.amazon_transcribe import signing, translate, vocabulary_table
from dragoman.apis.amazon_transcribe.errors import SILENCE_S, say
from dragoman.apis.amazon_transcribe.framing import BodyFraming, Framing, SocketFraming
from dragoman.apis.amazon_transcribe.management import TABLES, WORD_FILES, Management
from dragoman.apis.amazon_transcribe.signing import Signed
from dragoman.apis.amazon_transcribe.stream import fail
from dragoman.apis.amazon_transcribe.transcription import Transcriptions
from dragoman.codecs.sigv4 import SignatureRefused
from dragoman.core.errors import Cancelled, InvalidRequest, NotFound
from dragoman.transport.base import Endpoint, Reply, Services, json_reply
from dragoman.transport.conversation import Reception, Sessions
from dragoman.transport.duplex import Duplex
from dragoman.transport.http import REQUEST_ID, as_error
from dragoman.transport.websocket import Socket

STREAM: Final = "/stream-transcription"
SOCKET: Final = "/stream-transcription-websocket"
_EVENTS: Final = "application/vnd.amazon.eventstream"
_JSON: Final = "application/x-amz-json-1.1"
_TEXT: Final = "text/plain; charset=utf-8"


class Operations:
    def __init__(
        self, services: Services, *, silence_s: float = SILENCE_S, clock: Callable[[], float] = time.time
    ) -> None:
        """A stream whose client sends no audio for ``silence_s`` is ended."""
        self._services = services
        self._silence_s = silence_s
        self._sessions = Sessions()
        self._management = Management(services.word_lists)
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("/", Endpoint(self.call), methods=["POST"]),
            Route(f"{TABLES}/{{name}}", Endpoint(self.table), methods=["GET"]),
            Route(f"{WORD_FILES}/{{name}}", Endpoint(self.word_file), methods=["GET"]),
            Route(STREAM, Duplex(self._reception(BodyFraming, signed=True), _EVENTS), methods=["POST"]),
            Route(SOCKET, Endpoint(self.plain_http), methods=["GET"]),
        )

    def sockets(self) -> tuple[WebSocketRoute, ...]:
        return (WebSocketRoute(SOCKET, Socket(self._reception(SocketFraming, signed=False), tells_stop=True)),)

    def _reception(self, framing: Callable[[], Framing], *, signed: bool) -> Reception:
        transcriptions = Transcriptions(self._services, framing, self._now_ms, signed=signed)
        return Reception(self._services, transcriptions.open, fail, silence_s=self._silence_s, sessions=self._sessions)

    async def plain_http(self, request: Request, send: Send) -> None:
        raise InvalidRequest("This is a WebSocket: connect to it with ws:// in place of http://.")

    async def call(self, request: Request, send: Send) -> None:
        """Says its errors itself: this path is not of this API alone."""
        try:
            reply = await self._answer(request)
        except SignatureRefused as refused:
            reply = say(refused)
        except Cancelled:
            raise
        except Exception as raised:
            reply = say(as_error(raised, request.scope))
        await replace(reply, content_type=_JSON).send(send)

    async def _answer(self, request: Request) -> Reply:
        body = await self._services.uploads.text(request)
        signed = self._check(request, body)
        asked = translate.call(request.headers.get("x-amz-target"), body)
        link = partial(
            signing.link, request, signed=signed, authenticator=self._services.authenticator, now_ms=self._now_ms()
        )
        answer = await self._management.answer(asked, link)
        return json_reply(answer, headers=(("x-amzn-requestid", REQUEST_ID.get()),))

    async def table(self, request: Request, send: Send) -> None:
        """The vocabulary as a table."""
        if await self._may(request, send):
            entries = await self._services.word_lists.entries(_name(request))
            if not entries:
                raise InvalidRequest("The vocabulary has no table before it is ready.")
            await Reply(200, vocabulary_table.to_table(entries).encode(), _TEXT).send(send)

    async def word_file(self, request: Request, send: Send) -> None:
        """The words of a filter."""
        if await self._may(request, send):
            words = await self._services.word_lists.filter(_name(request))
            await Reply(200, vocabulary_table.to_word_file(words).encode(), _TEXT).send(send)

    async def _may(self, request: Request, send: Send) -> bool:
        """Says it to the client when not."""
        try:
            self._check(request, b"")
        except SignatureRefused as refused:
            await say(refused).send(send)
            return False
        return True

    def _check(self, request: Request, body: bytes) -> Signed:
        return signing.check(request, self._services.authenticator, self._now_ms(), body=body)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _name(request: Request) -> str:
    """Raises ``NotFound`` for what cannot be the name of anything."""
    name: str = request.path_params["name"]
    if not translate.is_name(name):
        raise NotFound(f"There is nothing at {request.url.path}.")
    return name
