"""The OpenAPI document of the platform's dialect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from dragoman.apis.phonexia_4 import wire
from dragoman.apis.phonexia_4.coverage import COVERAGE
from dragoman.apis.phonexia_4.errors import say
from dragoman.core import errors
from dragoman.core.request import ChannelMode
from dragoman.transport import openapi
from dragoman.transport.openapi import BOOLEAN, FILE, JOBS, JSON, SUBMISSION, Answer, Field, Form, Operation

_PATH: Final = "/api/technology/speech-to-text"
_START: Final = f"POST {_PATH}"
_RESULT: Final = f"GET {_PATH}/{{task_id}}"
_ENHANCED: Final = f"{_PATH}-whisper-enhanced"
_START_ENHANCED: Final = f"POST {_ENHANCED}"
_TEXTS: Final = {"type": "array", "items": {"type": "string", "minLength": 1}}
_CONFIG: Final = {
    "type": "object",
    "properties": {
        "preferred_phrases": {**_TEXTS, "description": openapi.note(COVERAGE, _START, "preferred_phrases")},
        "additional_words": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "spelling": {
                        "type": "string",
                        "minLength": 1,
                        "description": openapi.note(COVERAGE, _START, "additional_words, spelling"),
                    },
                    "pronunciations": {**_TEXTS, "description": openapi.note(COVERAGE, _START, "pronunciations")},
                },
                "required": ["spelling"],
            },
        },
    },
}
_EXAMPLE: Final = {
    "preferred_phrases": ["speech to text"],
    "additional_words": [{"spelling": "dragoman", "pronunciations": ["d r { g @ m @ n"]}],
}
_IDS: Final = tuple(
    Field(name, openapi.note(COVERAGE, "all operations", name), {"type": "string", "pattern": "^[ -~]{1,256}$"})
    for name in ("X-Correlation-ID", "X-Request-ID")
)
_RATE: Final = openapi.note(COVERAGE, "all operations", "429")


def document() -> dict[str, Any]:
    return openapi.document(
        openapi.Api(
            coverage=COVERAGE,
            operations=(_STARTING, _ASKING, _STARTING_ENHANCED, _ASKING_ENHANCED),
            say=say,
            error=wire.Error,
            headers={
                "x-correlation-id": _IDS[0].description,
                **{f"x-ratelimit-{name}": _RATE for name in ("limit", "remaining", "reset")},
            },
        )
    )


_CHANNELS: Final = (
    Field("channel_mode", openapi.note(COVERAGE, _START, "channel_mode"), openapi.choice(ChannelMode)),
    Field(
        "channels",
        openapi.note(COVERAGE, _START, "channels"),
        {"type": "string", "pattern": "^[0-9]{1,4}(,[0-9]{1,4})*$"},
    ),
)
_FILE: Final = Field("file", openapi.note(COVERAGE, _START, "file"), FILE, required=True)
_TAKEN: Final = {
    202: Answer("The task.", {JSON: wire.Accepted}, {"X-Location": openapi.note(COVERAGE, _START, "X-Location")})
}
_STARTING: Final = Operation(
    method="POST",
    path=_PATH,
    summary="Start a task that recognises a recording.",
    description=openapi.note(COVERAGE, _START, "202"),
    query=(
        Field(
            "language",
            openapi.note(COVERAGE, _START, "language"),
            required=True,
            example="en",
        ),
        *_CHANNELS,
    ),
    headers=_IDS,
    body=Form(
        (
            _FILE,
            Field("config", openapi.note(COVERAGE, _START, "config"), _CONFIG, example=_EXAMPLE),
        )
    ),
    replies=_TAKEN,
    errors=(*SUBMISSION, errors.EmptyAudio, errors.QuotaExceeded),
)
_ASKING: Final = Operation(
    method="GET",
    path=f"{_PATH}/{{task_id}}",
    summary="The state of a task, and its result once it is done.",
    description=openapi.note(COVERAGE, _RESULT, "state"),
    in_path=(Field("task_id", openapi.note(COVERAGE, _RESULT, "task_id"), {"type": "string", "format": "uuid"}),),
    headers=_IDS,
    replies={200: Answer("The task, whatever its state.", {JSON: wire.Polled})},
    errors=(*JOBS, errors.NotFound, errors.InvalidField),
)
_STARTING_ENHANCED: Final = replace(
    _STARTING,
    path=_ENHANCED,
    summary="Start a task that recognises a recording with the enhanced engine.",
    query=(
        Field("language", openapi.note(COVERAGE, _START_ENHANCED, "language"), example="en"),
        Field(
            "enable_language_switching", openapi.note(COVERAGE, _START_ENHANCED, "enable_language_switching"), BOOLEAN
        ),
        *_CHANNELS,
    ),
    body=Form((_FILE,)),
)
_ASKING_ENHANCED: Final = replace(_ASKING, path=f"{_ENHANCED}/{{task_id}}")
