"""Speechmatics's operations."""

from __future__ import annotations

import asyncio
import mimetypes
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.routing import Match, Route
from starlette.types import Scope, Send

from dragoman.apis.speechmatics_v1 import output, translate, vocabulary, wire
from dragoman.apis.speechmatics_v1.errors import reply
from dragoman.apis.speechmatics_v1.output import OUTPUTS
from dragoman.apis.speechmatics_v1.translate import Asked
from dragoman.core.errors import AccessDenied, Conflict, NotFound
from dragoman.core.jobs import Job
from dragoman.core.transcript import Transcript
from dragoman.service.auth import Identity
from dragoman.service.callback_address import check_url
from dragoman.service.jobs import Submission
from dragoman.transport.base import Endpoint, Reply, Services, json_reply
from dragoman.transport.file import send_file
from dragoman.transport.form import Form
from dragoman.transport.http import identify, run_while_connected

NAME: Final = "speechmatics_v1"
_JOBS: Final = "/v1/user/{user}/jobs"
_JOB: Final = f"{_JOBS}/{{job}}"
_FILES: Final = frozenset({"data_file", "text_file"})
_TYPES: Final = mimetypes.MimeTypes()  # whatever this machine thinks of file names
_MOST_LISTED: Final = 100
_LARGEST_ID: Final = 2**63 - 1
_PREFIX: Final = re.compile(r"/v1\.0(?=/)")


class Operations:
    """``points``: operating points → our profiles. ``private_callbacks``: they may go to private addresses."""

    def __init__(self, services: Services, points: Mapping[str, str], *, private_callbacks: bool) -> None:
        self._services = services
        self._points = points
        self._private_callbacks = private_callbacks

    def routes(self) -> tuple[Route, ...]:
        return (
            _Route(_JOBS, Endpoint(self.jobs), methods=["POST", "GET"]),
            _Route(_JOB, Endpoint(self.job), methods=["GET", "DELETE"]),
            _Route(f"{_JOB}/transcript", Endpoint(self.transcript), methods=["GET"]),
            _Route(f"{_JOB}/alignment", Endpoint(self.alignment), methods=["GET"]),
            _Route(f"{_JOB}/audio", Endpoint(self.audio), methods=["GET"]),
        )

    async def jobs(self, request: Request, send: Send) -> None:
        identity, user_id = self._identify(request)
        answer = self._submit if request.method == "POST" else self._list
        await (await answer(request, identity, user_id)).send(send)

    async def _submit(self, request: Request, identity: Identity, user_id: int) -> Reply:
        jobs, uploads = self._services.jobs, self._services.job_uploads
        await self._services.started()
        await jobs.check_room(uploads.claimed_bytes(request))
        async with uploads.form(request, files=_FILES) as form:
            asked = translate.asked(form, user_id, self._points)
            media = form.file("data_file", may_be_empty=True)
            if asked.callback is not None:
                check_url(asked.callback.url, private_addresses=self._private_callbacks)
            asked = await run_while_connected(request.receive, self._checked(asked))
            submission = Submission(
                dialect=NAME,
                owner=identity.key_id,
                name=translate.file_name(media.filename),
                request=asked.request,
                options=msgspec.json.encode(asked.options),
                keep_media=True,
                callback=asked.callback,
            )
            job = await jobs.submit(submission, media.path)
        return json_reply(wire.Submitted(id=job.number, check_wait=await jobs.expected_wait_s(job)))

    async def _checked(self, asked: Asked) -> Asked:
        """With its vocabulary, and warnings of what was left out."""
        capabilities = self._services.recognition.capabilities(asked.request.profile)
        draft = vocabulary.draft_for(capabilities.in_language(asked.request.language), asked.vocabulary)
        checked = await self._services.vocabularies.check(draft)
        return replace(
            asked,
            request=replace(asked.request, vocabulary=checked.accepted),
            options=msgspec.structs.replace(asked.options, warnings=vocabulary.warnings(checked)),
        )

    async def _list(self, request: Request, identity: Identity, user_id: int) -> Reply:
        """Of those that have not ended each is said to take as long as the newest: then all are done."""
        found = await self._services.jobs.jobs(NAME, identity.key_id, most=_MOST_LISTED)
        newest = next((job for job in found if not job.state.is_final), None)
        wait_s = 0 if newest is None else await self._services.jobs.expected_wait_s(newest)
        return json_reply(wire.Jobs([_described(request, user_id, job, wait_s) for job in found]))

    async def job(self, request: Request, send: Send) -> None:
        identity, user_id = self._identify(request)
        job = await self._find(request, identity)
        wait_s = await self._services.jobs.expected_wait_s(job)
        described = _described(request, user_id, job, wait_s)
        if request.method == "DELETE":
            force = Form({"force": (request.query_params.get("force", ""),)}).boolean("force", default=False)
            await self._delete(job, force=force)
            described = msgspec.structs.replace(
                described, status="deleted", job_status="deleted", check_wait=None, next_check=0
            )
        await json_reply(wire.OneJob(described)).send(send)

    async def _delete(self, job: Job, *, force: bool) -> None:
        try:
            await self._services.jobs.delete(job, force=force)
        except Conflict:
            raise Conflict("The job has not ended yet; force=true deletes it all the same.") from None

    async def transcript(self, request: Request, send: Send) -> None:
        asked = OUTPUTS.get(request.query_params.get("format", "json"))
        render = None if asked is None else (asked.content_type, asked.render)
        await (await self._rendered(request, render)).send(send)

    async def alignment(self, request: Request, send: Send) -> None:
        tags = request.query_params.get("tags", "word_start_and_end")
        render = None
        if tags in ("word_start_and_end", "one_per_line"):
            render = OUTPUTS["txt"].content_type, partial(output.alignment, one_per_line=tags == "one_per_line")
        await (await self._rendered(request, render)).send(send)

    async def _rendered(self, request: Request, render: tuple[str, Callable[[Job, Transcript], bytes]] | None) -> Reply:
        """Of the job in the path; ``render`` is ``None`` for a form that there is not."""
        identity, _ = self._identify(request)
        job = await self._find(request, identity)
        if render is None:
            return reply(404, "Output format Not Supported", f"Transcripts are {', '.join(OUTPUTS)}.")
        if not job.state.is_final:
            return reply(404, "Job In Progress", "Ask again later.")
        if not translate.is_done(job):
            return reply(404, "Job was rejected on submission", translate.reason(job))
        content_type, rendered = render
        transcript = output.empty(job) if translate.is_empty(job) else await self._services.jobs.transcript(job)
        return Reply(200, await asyncio.to_thread(rendered, job, transcript), content_type)

    async def audio(self, request: Request, send: Send) -> None:
        identity, _ = self._identify(request)
        job = await self._find(request, identity)
        kind = _TYPES.guess_type(job.name)[0] or ""
        if not kind.startswith(("audio/", "video/")):
            kind = "application/octet-stream"
        headers = (
            ("content-disposition", f"attachment; filename*=UTF-8''{quote(job.name, safe='')}"),
            ("x-content-type-options", "nosniff"),
        )
        async with self._services.jobs.media(job) as path:
            await send_file(send, path, kind, headers)

    def _identify(self, request: Request) -> tuple[Identity, int]:
        """Who calls, and the user id in the path, which is a number and nothing else. Raises ``AccessDenied``,
        ``RateLimited``."""
        identity = identify(request, self._services.authenticator, request.query_params.get("auth_token"))
        self._services.rate.take(identity.key_id)
        user_id = _positive(request.path_params["user"])
        if user_id is None:
            raise AccessDenied("The user id in the address must be a positive integer; any will do.")
        return identity, user_id

    async def _find(self, request: Request, identity: Identity) -> Job:
        number = _positive(request.path_params["job"])
        if number is None:
            raise NotFound("The id of a job is a positive integer.")
        return await self._services.jobs.job(NAME, identity.key_id, number)


class _Route(Route):
    """Found below ``/v1.0`` as below ``/v1``, and with a slash at its end as without."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = _PREFIX.sub("/v1", scope["path"], count=1) if scope["path"].startswith("/v1.0/") else scope["path"]
        return super().matches({**scope, "path": path.removesuffix("/")})


def _described(request: Request, user_id: int, job: Job, wait_s: int) -> wire.Job:
    prefix = "/v1.0" if request.url.path.startswith("/v1.0/") else "/v1"
    return translate.described(job, f"{prefix}/user/{user_id}/jobs/{job.number}", wait_s, time.time())


def _positive(text: str) -> int | None:
    with suppress(ValueError):
        if text.isascii() and text.isdigit() and 0 < int(text) <= _LARGEST_ID:
            return int(text)
    return None
