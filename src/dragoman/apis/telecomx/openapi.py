"""The OpenAPI document of Telecomx's dialect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from dragoman.apis.telecomx import wire
from dragoman.apis.telecomx.coverage import COVERAGE
from dragoman.apis.telecomx.errors import say
from dragoman.transport import openapi
from dragoman.transport.openapi import ANY_CALL, BODY, BOOLEAN, FILE, JSON, RECOGNITION, Answer, Field, Form, Operation

_STT: Final = "POST /voice/stt"
_LOGIN: Final = "POST /auth/login"
_VALIDATE: Final = "GET /auth/validateToken"
_FORM: Final = "application/x-www-form-urlencoded"


def document(engines: Iterable[str]) -> dict[str, Any]:
    """``engines``: their names."""
    return openapi.document(
        openapi.Api(
            coverage=COVERAGE,
            operations=(_transcribe(engines), _log_in("POST"), _log_in("GET"), _VALIDATION),
            say=say,
            error=wire.Error,
            keys={
                "token": {"type": "apiKey", "in": "query", "name": "token", "description": "A login token."},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "token", "description": "A login token."},
            },
        )
    )


def _transcribe(engines: Iterable[str]) -> Operation:
    return Operation(
        method="POST",
        path="/voice/stt",
        summary="Recognise a recording.",
        body=Form(
            (
                _field(_STT, "file", FILE, required=True),
                _field(_STT, "engine", openapi.choice(engines)),
                _field(_STT, "language", example="en"),
                _field(_STT, "timestamps_granularity", openapi.choice(["word", "character", "none"])),
                _field(_STT, "tag_audio_events", BOOLEAN),
                _field(_STT, "diarize", BOOLEAN),
            )
        ),
        replies={200: Answer("What was said.", {JSON: wire.Transcription})},
        errors=RECOGNITION,
    )


def _log_in(method: str) -> Operation:
    fields = (
        _field(_LOGIN, "username"),
        _field(_LOGIN, "password"),
        _field(_LOGIN, "persist", BOOLEAN),
        _field(_LOGIN, "cookie", BOOLEAN),
        _field(_LOGIN, "smsKey"),
        _field(_LOGIN, "authenticatorToken"),
    )
    return Operation(
        method=method,
        path="/auth/login",
        summary="A token for the id and the secret of a key.",
        query=fields,
        body=Form(fields, (_FORM, "multipart/form-data", JSON), closed=False) if method == "POST" else None,
        body_required=False,
        replies={200: Answer("The token, and whose it is.", {JSON: wire.Login})},
        errors=(*ANY_CALL, *openapi.FIELDS, *BODY),
    )


_VALIDATION: Final = Operation(
    method="GET",
    path="/auth/validateToken",
    summary="Whether a token is valid, and whose it is.",
    query=(openapi.Field("simple", openapi.note(COVERAGE, _VALIDATE, "simple"), BOOLEAN),),
    replies={
        200: Answer(
            "It is valid. With `simple` there is no body.", {JSON: wire.Validation, "text/plain": {"const": ""}}
        )
    },
    errors=(*ANY_CALL, *openapi.FIELDS),
)


def _field(
    operation: str, name: str, shape: openapi.Shape = str, *, required: bool = False, example: Any = None
) -> Field:
    return Field(name, openapi.note(COVERAGE, operation, name), shape, required, example)
