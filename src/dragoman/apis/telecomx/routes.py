"""Telecomx's operations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Send

from dragoman.apis.telecomx import translate
from dragoman.core.errors import InvalidField
from dragoman.service.auth import Identity
from dragoman.transport.base import Endpoint, Reply, Services, json_reply
from dragoman.transport.form import Form
from dragoman.transport.http import identify, run_while_connected

_TOKEN: Final = "token"  # noqa: S105 - the name of a query parameter and of a cookie


class Operations:
    def __init__(self, services: Services, engines: Mapping[str, str]) -> None:
        self._services = services
        self._engines = engines

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("/voice/stt", Endpoint(self.transcribe), methods=["POST"]),
            Route("/auth/login", Endpoint(self.log_in), methods=["POST", "GET"]),
            Route("/auth/validateToken", Endpoint(self.validate_token), methods=["GET"]),
        )

    async def transcribe(self, request: Request, send: Send) -> None:
        identity = self._identify(request)
        await self._services.started()
        async with self._services.uploads.form(request, files=frozenset({"file"})) as form:
            asked = translate.request(form, self._engines)
            media = form.file("file").path
            transcript = await run_while_connected(
                request.receive, self._services.recognition.transcribe(media, asked, key_id=identity.key_id)
            )
        await json_reply(translate.transcription(transcript, asked)).send(send)

    async def log_in(self, request: Request, send: Send) -> None:
        asked = translate.login_form(await self._login_form(request))
        token = self._services.authenticator.log_in(asked.username, asked.password, persist=asked.persist)
        headers: tuple[tuple[str, str], ...] = (("cache-control", "no-store"),)
        if asked.cookie:
            lifetime = "" if token.minutes is None else f"; Max-Age={60 * token.minutes}"
            secure = "; Secure" if request.url.scheme == "https" else ""
            headers += (("set-cookie", f"{_TOKEN}={token.text}; Path=/; HttpOnly; SameSite=Lax{lifetime}{secure}"),)
        await json_reply(translate.login(token), headers=headers).send(send)

    async def validate_token(self, request: Request, send: Send) -> None:
        identity = self._identify(request)
        if Form(_query(request)).boolean("simple", default=False):
            await Reply(200, b"", "text/plain").send(send)
        else:
            await json_reply(translate.validation(identity)).send(send)

    def _identify(self, request: Request) -> Identity:
        shown = (request.query_params.get(_TOKEN), request.cookies.get(_TOKEN))
        return identify(request, self._services.authenticator, *shown)

    async def _login_form(self, request: Request) -> Form:
        """The fields of the query and of a body that is a form, URL-encoded or JSON."""
        fields = _query(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and kind == "multipart/form-data":
            async with self._services.uploads.form(request, files=frozenset()) as form:
                return Form({**fields, **form.fields})
        if request.method == "POST" and kind:
            body = await self._services.uploads.text(request)
            fields |= (
                _json(body) if kind == "application/json" else _grouped(parse_qsl(body.decode("utf-8", "replace")))
            )
        return Form(fields)


def _query(request: Request) -> dict[str, tuple[str, ...]]:
    return _grouped(request.query_params.multi_items())


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    fields: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for name, value in pairs:
        fields[name] += (value,)
    return dict(fields)


def _json(body: bytes) -> dict[str, tuple[str, ...]]:
    try:
        values = msgspec.json.decode(body, type=dict[str, str | bool | int | float | None])
    except msgspec.DecodeError as error:
        raise InvalidField(f"The body is not a JSON object of plain values: {error}.", field="body") from error
    return {name: (str(value),) for name, value in values.items() if value is not None}
