"""Phonexia's operations."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Send

from dragoman.apis.phonexia_v1 import translate
from dragoman.transport.base import Endpoint, Services, json_reply
from dragoman.transport.http import identify, run_while_connected


class Operations:
    def __init__(self, services: Services, model: str | None) -> None:
        self._services = services
        self._model = model

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("/api/v1/stt/file", Endpoint(self.transcribe), methods=["POST"]),
            Route("/api/v1/technologies", Endpoint(self.technologies), methods=["GET"]),
        )

    async def transcribe(self, request: Request, send: Send) -> None:
        identity = identify(request, self._services.authenticator)
        await self._services.started()
        async with self._services.uploads.form(request, files=frozenset({"file"})) as form:
            asked = translate.request(form)
            media = form.file("file")
            transcript = await run_while_connected(
                request.receive, self._services.recognition.transcribe(media.path, asked, key_id=identity.key_id)
            )
        await json_reply(translate.recognition(transcript, media.filename, self._model_name())).send(send)

    async def technologies(self, request: Request, send: Send) -> None:
        identify(request, self._services.authenticator)
        await self._services.started()
        recognition = self._services.recognition
        reply = translate.technologies(recognition.capabilities(), recognition.instances(), self._model_name())
        await json_reply(reply).send(send)

    def _model_name(self) -> str:
        return self._model or translate.model_name(self._services.recognition.capabilities())
