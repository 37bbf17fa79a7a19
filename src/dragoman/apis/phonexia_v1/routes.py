"""Phonexia's operations."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Send

from dragoman.apis.phonexia_v1 import translate, vocabulary, wire
from dragoman.core.errors import UnsupportedOption
from dragoman.core.request import RecognitionRequest
from dragoman.service.vocabulary import CheckedVocabulary
from dragoman.transport.base import Endpoint, Services, json_reply
from dragoman.transport.form import Upload
from dragoman.transport.http import identify, run_while_connected


class Operations:
    def __init__(self, services: Services, model: str | None) -> None:
        self._services = services
        self._model = model

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("/api/v1/stt/file", Endpoint(self.transcribe), methods=["POST"]),
            Route("/api/v1/stt/graphemes", Endpoint(self.graphemes), methods=["GET"]),
            Route("/api/v1/stt/phonemes", Endpoint(self.phonemes), methods=["GET"]),
            Route("/api/v1/stt/classes", Endpoint(self.classes), methods=["GET"]),
            Route("/api/v1/stt/checkdictionary", Endpoint(self.check_dictionary), methods=["POST"]),
            Route("/api/v1/technologies", Endpoint(self.technologies), methods=["GET"]),
        )

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
        checked = await self._checked(preferred) if preferred is not None else CheckedVocabulary()
        asked = replace(asked, vocabulary=checked.accepted)
        transcript = await self._services.recognition.transcribe(media.path, asked, key_id=key_id)
        reply = translate.recognition(transcript, media.filename, self._model_name())
        return reply if preferred is None else translate.with_echo(reply, preferred, checked)

    async def _checked(self, preferred: wire.Preferred) -> CheckedVocabulary:
        """Raises ``UnsupportedOption`` for phrases that the recogniser would not prefer, ``InvalidField``."""
        draft = vocabulary.draft(preferred)
        if draft.phrases and not self._services.recognition.capabilities().phrases:
            raise UnsupportedOption(
                "The recogniser of this server cannot prefer phrases; send the dictionary alone.",
                field="preferred_phrases",
            )
        checked = await self._services.vocabularies.check(draft)
        vocabulary.refuse_bad_phrases(checked)
        return checked

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
        reply = translate.technologies(recognition.capabilities(), recognition.instances(), self._model_name())
        await json_reply(reply).send(send)

    def _model_name(self) -> str:
        return self._model or translate.model_name(self._services.recognition.capabilities())
