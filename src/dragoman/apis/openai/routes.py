"""OpenAI's operations."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Send

from dragoman.apis.openai import translate, wire
from dragoman.apis.openai.errors import say_in_stream
from dragoman.core.assemble import Assembler
from dragoman.core.errors import Cancelled, DragomanError, InternalError, UnsupportedOption
from dragoman.core.events import Final
from dragoman.core.request import RecognitionRequest
from dragoman.transport.base import Endpoint, Services, json_reply
from dragoman.transport.http import identify, run_while_connected, send_events

logger = logging.getLogger(__name__)


class Operations:
    def __init__(self, services: Services, models: Mapping[str, str]) -> None:
        self._services = services
        self._models = models

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("/v1/audio/transcriptions", Endpoint(self.transcribe), methods=["POST"]),
            Route("/v1/audio/translations", Endpoint(self.translate), methods=["POST"]),
            Route("/v1/models", Endpoint(self.models), methods=["GET"]),
            Route("/v1/models/{name:path}", Endpoint(self.model), methods=["GET"]),
        )

    async def transcribe(self, request: Request, send: Send) -> None:
        identity = identify(request, self._services.authenticator)
        await self._services.started()
        async with self._services.uploads.form(request, files=frozenset({"file"})) as form:
            asked = translate.request(form, self._models)
            media = form.file("file").path
            if asked.stream:
                events = self._stream(media, asked.recognition, identity.key_id)
                await run_while_connected(request.receive, send_events(send, events))
                return
            transcript = await run_while_connected(
                request.receive,
                self._services.recognition.transcribe(media, asked.recognition, key_id=identity.key_id),
            )
        await translate.reply(transcript, asked).send(send)

    async def _stream(self, media: Path, asked: RecognitionRequest, key_id: str) -> AsyncGenerator[bytes, None]:
        assembler = Assembler()
        first = True
        try:
            async with aclosing(self._services.recognition.events(media, asked, key_id=key_id)) as events:
                async for event in events:
                    assembler.add(event)
                    if isinstance(event, Final):
                        yield msgspec.json.encode(translate.delta(event.segment, first=first))
                        first = False
        except Cancelled:
            raise
        except Exception as error:
            if first:
                raise
            if not isinstance(error, DragomanError) or isinstance(error, InternalError):
                logger.exception("the request failed after its reply had begun")
            yield say_in_stream(error if isinstance(error, DragomanError) else InternalError())
            return
        yield msgspec.json.encode(wire.TextDone(text=assembler.transcript().text))

    async def translate(self, request: Request, send: Send) -> None:
        identify(request, self._services.authenticator)
        raise UnsupportedOption("This server does not translate; /v1/audio/transcriptions writes what was said.")

    async def models(self, request: Request, send: Send) -> None:
        identify(request, self._services.authenticator)
        await json_reply(translate.model_list(self._models)).send(send)

    async def model(self, request: Request, send: Send) -> None:
        identify(request, self._services.authenticator)
        name = request.path_params["name"]
        translate.profile(name, self._models)
        await json_reply(translate.model(name)).send(send)
