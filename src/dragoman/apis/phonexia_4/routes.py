"""The platform's operations."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Send

from dragoman.apis.phonexia_4 import errors, translate, vocabulary, wire
from dragoman.core.errors import NotFound, RateLimited, UnsupportedOption
from dragoman.core.jobs import JobState
from dragoman.core.request import RecognitionRequest
from dragoman.service.jobs import Submission
from dragoman.service.vocabulary import Draft
from dragoman.transport.base import Endpoint, Services, json_reply
from dragoman.transport.form import Form
from dragoman.transport.http import add_reply_headers, identify, run_while_connected, take_request_id

NAME: Final = "phonexia_4"
PATH: Final = "/api/technology/speech-to-text"
ENHANCED_PATH: Final = f"{PATH}-whisper-enhanced"
_CORRELATION_ID: Final = "x-correlation-id"
_REQUEST_ID: Final = "x-request-id"


class Operations:
    """``engines``: of ``standard`` and ``enhanced`` those that there are → our profiles. ``clock`` tells the time of
    day, in seconds from 1970."""

    def __init__(self, services: Services, engines: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
        self._services = services
        self._engines = engines
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        return tuple(
            route
            for path, name in ((PATH, "standard"), (ENHANCED_PATH, "enhanced"))
            if name in self._engines
            for route in (
                Route(path, Endpoint(self._identified(self.start)), methods=["POST"]),
                Route(f"{path}/{{task_id}}", Endpoint(self._identified(self.result)), methods=["GET"]),
            )
        )

    async def start(self, request: Request, send: Send, owner: str) -> None:
        """Everything that can be refused before the body is read is refused then."""
        enhanced = _is_enhanced(request)
        profile = self._engines["enhanced" if enhanced else "standard"]
        asked = translate.request(_query(request), profile, enhanced=enhanced)
        await self._services.started()
        self._services.recognition.checked(asked)
        self._services.recognition.check_quota(asked.profile, owner)
        await self._services.jobs.check_room(self._services.job_uploads.claimed_bytes(request))
        async with self._services.job_uploads.form(request, files=frozenset({"file"})) as form:
            form.allow_only(translate.ENHANCED_FIELDS if enhanced else translate.FIELDS)
            media = form.file("file")
            options = translate.ENHANCED
            if not enhanced:
                draft = vocabulary.read(form.text("config"))
                asked, words = await run_while_connected(request.receive, self._prefer(asked, draft))
                options = msgspec.json.encode(words)
            name = translate.name(media.filename)
            job = await self._services.jobs.submit(Submission(NAME, owner, name, asked, options), media.path)
        headers = (("x-location", f"{ENHANCED_PATH if enhanced else PATH}/{job.token}"),)
        await json_reply(wire.Accepted(translate.task(job)), 202, headers).send(send)

    async def result(self, request: Request, send: Send, owner: str) -> None:
        jobs = self._services.jobs
        job = await jobs.job_of_token(NAME, owner, translate.task_id(request.path_params["task_id"]))
        if translate.is_enhanced(job) != _is_enhanced(request):
            raise NotFound("It is a task of the other engine.")
        transcript = await jobs.transcript(job) if job.state is JobState.DONE else None
        await json_reply(translate.polled(job, transcript)).send(send)

    async def _prefer(
        self, asked: RecognitionRequest, draft: Draft
    ) -> tuple[RecognitionRequest, list[wire.AdditionalWord]]:
        """What is asked with its vocabulary, and what was made of that. Raises ``Invalid``, ``UnsupportedOption``."""
        capabilities = self._services.recognition.capabilities(asked.profile).in_language(asked.language)
        if draft.phrases and not capabilities.phrases:
            raise UnsupportedOption(
                "The recogniser of this server cannot prefer phrases; send additional_words alone.", field="config"
            )
        vocabularies = self._services.vocabularies
        vocabulary.refuse(vocabulary.excesses(vocabularies.limits, draft))
        checked = await vocabularies.check(draft)
        vocabulary.refuse(vocabulary.problems(draft, checked))
        others = await vocabularies.check(vocabulary.words_of_phrases(checked, vocabularies.limits.max_words))
        words = vocabulary.additional_words((*checked.words, *others.words))
        return replace(asked, vocabulary=checked.accepted), words

    def _identified(
        self, respond: Callable[[Request, Send, str], Awaitable[None]]
    ) -> Callable[[Request, Send], Awaitable[None]]:
        """Names the exchange, tells whose it is, and counts it."""

        async def respond_to_key(request: Request, send: Send) -> None:
            try:
                _take_ids(request)
                key_id = identify(request, self._services.authenticator).key_id
                self._count(request, key_id)
                await respond(request, send, key_id)
            except errors.Invalid as invalid:
                await errors.say_invalid(invalid).send(send)

        return respond_to_key

    def _count(self, request: Request, key_id: str) -> None:
        """Raises ``RateLimited``. How much is left is in every reply."""
        try:
            allowance = self._services.rate.take(key_id)
        except RateLimited as refusal:
            reset_s = int(self._clock()) + refusal.retry_after_s
            add_reply_headers(request, translate.rate_headers(refusal.limit, 0, reset_s))
            raise
        if allowance is not None:
            add_reply_headers(request, translate.rate_headers(allowance.limit, allowance.remaining, allowance.reset_s))


def _is_enhanced(request: Request) -> bool:
    return request.url.path.startswith(ENHANCED_PATH)


def _take_ids(request: Request) -> None:
    """Raises ``Invalid``."""
    add_reply_headers(request, {_CORRELATION_ID: str(uuid4())})
    if given := translate.client_id(_CORRELATION_ID, request.headers.get(_CORRELATION_ID)):
        add_reply_headers(request, {_CORRELATION_ID: given})
    if given := translate.client_id(_REQUEST_ID, request.headers.get(_REQUEST_ID)):
        take_request_id(request, given)


def _query(request: Request) -> Form:
    items = request.query_params
    return Form({name: tuple(items.getlist(name)) for name in items})
