"""OpenAI's operations."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
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
from dragoman.core.transcript import Segment, Transcript
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
                events = self._stream(media, asked, identity.key_id)
                await run_while_connected(request.receive, send_events(send, events))
                return
            transcript = await run_while_connected(request.receive, self._recognise(media, asked, identity.key_id))
        await translate.reply(transcript, asked).send(send)

    async def _recognise(self, media: Path, asked: translate.Asked, key_id: str) -> Transcript:
        return await self._services.recognition.transcribe(media, await self._request(asked), key_id=key_id)

    async def _request(self, asked: translate.Asked) -> RecognitionRequest:
        """With the vocabulary checked. Raises ``UnsupportedOption`` for keywords that the recogniser would not prefer,
        ``InvalidField``."""
        if not asked.keywords and not asked.hints:
            return asked.recognition
        capabilities = self._services.recognition.capabilities(asked.recognition.profile)
        if not capabilities.in_language(asked.recognition.language).phrases:
            if asked.keywords:
                raise UnsupportedOption("The recogniser of this model cannot prefer keywords.", field="keywords[]")
            return asked.recognition
        vocabularies = self._services.vocabularies
        checked = await vocabularies.check(translate.draft(asked, vocabularies.limits))
        return replace(asked.recognition, vocabulary=translate.vocabulary(asked, checked))

    async def _stream(self, media: Path, asked: translate.Asked, key_id: str) -> AsyncGenerator[bytes, None]:
        assembler = Assembler()
        told: Segment | None = None
        try:
            request = await self._request(asked)
            async with aclosing(self._services.recognition.events(media, request, key_id=key_id)) as events:
                async for event in events:
                    assembler.add(event)
                    if isinstance(event, Final):
                        yield msgspec.json.encode(translate.delta(event.segment, told.text if told else ""))
                        told = event.segment
        except Cancelled:
            raise
        except Exception as error:
            if told is None:
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
        await json_reply(translate.model_list(self._usable())).send(send)

    def _usable(self) -> dict[str, str]:
        """The models whose profiles can be used."""
        faults = self._services.recognition.faults
        return {name: profile for name, profile in self._models.items() if profile not in faults}

    async def model(self, request: Request, send: Send) -> None:
        identify(request, self._services.authenticator)
        name = request.path_params["name"]
        translate.profile(name, self._usable())
        await json_reply(translate.model(name)).send(send)
