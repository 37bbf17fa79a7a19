"""Phonexia's operations."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final
from uuid import uuid4

from starlette.requests import HTTPConnection, Request
from starlette.routing import Route, WebSocketRoute
from starlette.types import Send

from dragoman.apis.phonexia_v1 import translate, vocabulary, wire
from dragoman.apis.phonexia_v1.http_streams import HttpStreams
from dragoman.apis.phonexia_v1.stream import SocketStream, fail
from dragoman.apis.phonexia_v1.stream_result import StreamResult
from dragoman.core.errors import InvalidRequest
from dragoman.core.request import RecognitionRequest
from dragoman.service.vocabulary import CheckedVocabulary
from dragoman.transport.base import Endpoint, Opening, Reply, Services, json_reply
from dragoman.transport.conversation import Reception
from dragoman.transport.exchange import divert
from dragoman.transport.form import Form, Upload
from dragoman.transport.http import body_pieces, identify, run_while_connected
from dragoman.transport.websocket import Socket

_SOCKET: Final = "/api/v1/websocket/stt"


class Operations:
    """``model`` is the name that clients see; ``None`` makes one from the model's language. A stream whose client sends
    no audio for ``silence_s`` is ended; its result over HTTP is kept for ``results_kept_s``."""

    def __init__(self, services: Services, model: str | None, *, silence_s: float, results_kept_s: float) -> None:
        self._services = services
        self._model = model
        self._silence_s = silence_s
        self._streams = HttpStreams(kept_s=results_kept_s, silence_s=silence_s)

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("/api/v1/stt/file", Endpoint(self.transcribe), methods=["POST"]),
            Route("/api/v1/stt/graphemes", Endpoint(self.graphemes), methods=["GET"]),
            Route("/api/v1/stt/phonemes", Endpoint(self.phonemes), methods=["GET"]),
            Route("/api/v1/stt/classes", Endpoint(self.classes), methods=["GET"]),
            Route("/api/v1/stt/checkdictionary", Endpoint(self.check_dictionary), methods=["POST"]),
            Route("/api/v1/technologies", Endpoint(self.technologies), methods=["GET"]),
            Route("/api/v1/stt/stream", Endpoint(self.open_stream), methods=["POST"]),
            Route("/api/v1/stt/stream/{stream_id}", Endpoint(self.stream), methods=["PUT", "GET", "DELETE"]),
            Route(_SOCKET, Endpoint(self.plain_http), methods=["GET"]),
        )

    def sockets(self) -> tuple[WebSocketRoute, ...]:
        socket = Socket(Reception(self._services, self._socket_stream, fail, silence_s=self._silence_s))
        return (WebSocketRoute(_SOCKET, socket),)

    async def aclose(self) -> None:
        await self._streams.aclose()

    async def transcribe(self, request: Request, send: Send) -> None:
        identity = identify(request, self._services.authenticator)
        await self._services.started()
        async with self._services.uploads.form(request, files=frozenset({"file"})) as form:
            asked = translate.request(form)
            media = form.file("file")
            sent = form.text("preferred_phrases")
            preferred = vocabulary.read(sent) if sent is not None else None
            reply = await run_while_connected(
                request.receive, self._recognise(media, asked, preferred, identity.key_id)
            )
        await json_reply(reply).send(send)

    async def _recognise(
        self, media: Upload, asked: RecognitionRequest, preferred: wire.Preferred | None, key_id: str
    ) -> wire.Body[wire.Recognition]:
        checked = await self._checked(preferred)
        asked = replace(asked, vocabulary=checked.accepted)
        transcript = await self._services.recognition.transcribe(media.path, asked, key_id=key_id)
        said = translate.recognition(transcript, media.filename, self._model_name())
        return wire.Body(said if preferred is None else translate.with_echo(said, preferred, checked))

    async def _checked(self, preferred: wire.Preferred | None) -> CheckedVocabulary:
        """Raises ``UnsupportedOption`` for phrases that the recogniser would not prefer, ``InvalidField``."""
        if preferred is None:
            return CheckedVocabulary()
        draft = vocabulary.draft_for(self._services.recognition.capabilities(), preferred)
        checked = await self._services.vocabularies.check(draft)
        vocabulary.refuse_bad_phrases(checked)
        return checked

    async def open_stream(self, request: Request, send: Send) -> None:
        identity = identify(request, self._services.authenticator)
        await self._services.started()
        rate = translate.frequency(_query(request))
        body = await self._services.uploads.text(request)
        preferred = vocabulary.read(body, "body") if body.strip() else None
        checked = await run_while_connected(request.receive, self._checked(preferred))
        asked = replace(translate.STREAM_REQUEST, vocabulary=checked.accepted)
        with ExitStack() as resources:
            live = resources.enter_context(self._services.recognition.live(asked, rate, key_id=identity.key_id))
            result = self._new_result()
            if preferred is not None:
                result.echo(preferred, checked)
            self._streams.open(identity.key_id, live, resources.pop_all(), result)
        await json_reply(wire.Body(wire.StreamOpened(stream_id=result.stream_id))).send(send)

    async def stream(self, request: Request, send: Send) -> None:
        identity = identify(request, self._services.authenticator)
        found = self._streams.find(request.path_params["stream_id"], identity.key_id)
        match request.method:
            case "PUT":
                await found.feed(body_pieces(request.receive), partial(divert, request.scope))
                await Reply(200, b"").send(send)
            case "DELETE":
                await run_while_connected(request.receive, found.stop())
                await Reply(200, b"").send(send)
            case _:
                await json_reply(wire.Body(found.said())).send(send)

    async def _socket_stream(self, connection: HTTPConnection) -> SocketStream:
        identity = identify(connection, self._services.authenticator)
        await self._services.started()
        opening = Opening(translate.STREAM_REQUEST, translate.frequency(_query(connection)), identity.key_id)
        return SocketStream(opening, self._new_result(), self._services.recognition.capabilities())

    async def plain_http(self, request: Request, send: Send) -> None:
        raise InvalidRequest("This is a WebSocket: connect to it with ws:// in place of http://.")

    def _new_result(self) -> StreamResult:
        return StreamResult(self._model_name(), task_id=str(uuid4()), stream_id=str(uuid4()))

    async def graphemes(self, request: Request, send: Send) -> None:
        identify(request, self._services.authenticator)
        await json_reply(translate.graphemes(self._services.vocabularies.graphemes())).send(send)

    async def phonemes(self, request: Request, send: Send) -> None:
        identify(request, self._services.authenticator)
        await json_reply(translate.phonemes(self._services.vocabularies.phonemes())).send(send)

    async def classes(self, request: Request, send: Send) -> None:
        identify(request, self._services.authenticator)
        await self._services.started()
        known = self._services.recognition.capabilities().phrases
        await json_reply(translate.classes(await self._services.vocabularies.classes() if known else ())).send(send)

    async def check_dictionary(self, request: Request, send: Send) -> None:
        identify(request, self._services.authenticator)
        draft = vocabulary.dictionary_draft(await self._services.uploads.text(request))
        checked = await run_while_connected(request.receive, self._services.vocabularies.check(draft))
        await json_reply(translate.checked_dictionary(checked)).send(send)

    async def technologies(self, request: Request, send: Send) -> None:
        identify(request, self._services.authenticator)
        await self._services.started()
        recognition = self._services.recognition
        reply = translate.technologies(
            recognition.capabilities(), recognition.instances(), recognition.stream_instances(), self._model_name()
        )
        await json_reply(reply).send(send)

    def _model_name(self) -> str:
        return self._model or translate.model_name(self._services.recognition.capabilities())


def _query(connection: HTTPConnection) -> Form:
    items = connection.query_params
    return Form({name: tuple(items.getlist(name)) for name in items})
