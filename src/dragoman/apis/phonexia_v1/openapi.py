"""The OpenAPI document of Phonexia's dialect, version 1. It cannot describe the messages of the WebSocket."""

from __future__ import annotations

from typing import Any, Final

from dragoman.apis.phonexia_v1 import wire
from dragoman.apis.phonexia_v1.coverage import COVERAGE
from dragoman.apis.phonexia_v1.errors import say
from dragoman.core import errors
from dragoman.transport import openapi
from dragoman.transport.openapi import ANY_CALL, BODY, FILE, JSON, RECOGNITION, STARTED, Answer, Field, Form, Operation

_FILE: Final = "POST /api/v1/stt/file"
_OPEN: Final = "POST /api/v1/stt/stream"
_CHECK: Final = "POST /api/v1/stt/checkdictionary"
_STREAM: Final = "/api/v1/stt/stream/{stream_id}"
_AUDIO: Final = "application/octet-stream"


def _wrapped(name: str, inner: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: inner}, "required": [name], "additionalProperties": False}


_IN_ONE: Final = _wrapped("preferred_phrases", {"$ref": "#/components/schemas/Preferred"})
_PREFERRED: Final = (wire.Preferred, _IN_ONE, _wrapped("data", _IN_ONE))
"""Bare, or in a wrapper or two."""
_EXAMPLE: Final = '{"preferred_phrases": {"phrases": [{"phrase": "speech to text"}]}}'
_STREAM_ID: Final = Field("stream_id", "What opening the stream replied.", {"type": "string", "format": "uuid"})
_OF_A_STREAM: Final = (*ANY_CALL, errors.NotFound)


def document() -> dict[str, Any]:
    return openapi.document(
        openapi.Api(
            coverage=COVERAGE,
            operations=(*_FILES, *_STREAMS, *_LISTS, _SOCKET),
            say=say,
            error=wire.Body[wire.Error],
        )
    )


_FILES: Final = (
    Operation(
        method="POST",
        path="/api/v1/stt/file",
        summary="Recognise a recording, every channel by itself.",
        body=Form(
            (
                Field("file", openapi.note(COVERAGE, _FILE, "file"), FILE, required=True),
                Field("preferred_phrases", openapi.note(COVERAGE, _FILE, "preferred_phrases"), example=_EXAMPLE),
            )
        ),
        replies={200: Answer("What was said.", {JSON: wire.Body[wire.Recognition]})},
        errors=RECOGNITION,
    ),
    Operation(
        method="POST",
        path="/api/v1/stt/checkdictionary",
        summary="How the words of a dictionary are said, and what is wrong with them.",
        description=openapi.note(COVERAGE, _CHECK, "dictionary"),
        body={JSON: _PREFERRED},
        replies={200: Answer("The words.", {JSON: wire.Body[wire.CheckedDictionary]})},
        errors=(*ANY_CALL, *openapi.FIELDS, *BODY),
    ),
)
_STREAMS: Final = (
    Operation(
        method="POST",
        path="/api/v1/stt/stream",
        summary="Open a live stream.",
        description=openapi.note(COVERAGE, _OPEN, "no free instance"),
        query=(
            Field(
                "frequency",
                openapi.note(COVERAGE, _OPEN, "frequency"),
                {"type": "integer", "minimum": 8_000, "maximum": 48_000, "default": 8_000},
            ),
        ),
        body={JSON: _PREFERRED},
        body_required=False,
        replies={200: Answer("The stream.", {JSON: wire.Body[wire.StreamOpened]})},
        errors=(*ANY_CALL, *STARTED, *openapi.FIELDS, *BODY, errors.UnsupportedAudio, errors.NoFreeInstance),
    ),
    Operation(
        method="PUT",
        path=_STREAM,
        summary="Send it audio: 16-bit samples, little-endian, one channel.",
        description=openapi.note(COVERAGE, f"PUT {_STREAM}"),
        in_path=(_STREAM_ID,),
        body={_AUDIO: FILE},
        body_required=False,
        replies={200: Answer("All of it was taken.")},
        errors=(*_OF_A_STREAM, errors.InvalidRequest, errors.Unavailable),
    ),
    Operation(
        method="GET",
        path=_STREAM,
        summary="All that it has said so far.",
        description=openapi.note(COVERAGE, f"GET {_STREAM}"),
        in_path=(_STREAM_ID,),
        replies={200: Answer("What was said.", {JSON: wire.Body[wire.StreamRecognition]})},
        errors=(*_OF_A_STREAM, errors.Unavailable),
    ),
    Operation(
        method="DELETE",
        path=_STREAM,
        summary="End it.",
        description=openapi.note(COVERAGE, f"DELETE {_STREAM}"),
        in_path=(_STREAM_ID,),
        replies={200: Answer("It has ended.")},
        errors=_OF_A_STREAM,
    ),
)
_LISTS: Final = (
    Operation(
        method="GET",
        path="/api/v1/stt/graphemes",
        summary="The letters that words are written with.",
        description=openapi.note(COVERAGE, "GET /api/v1/stt/graphemes"),
        replies={200: Answer("The letters.", {JSON: wire.Body[wire.Graphemes]})},
    ),
    Operation(
        method="GET",
        path="/api/v1/stt/phonemes",
        summary="The symbols that pronunciations are written with.",
        description=openapi.note(COVERAGE, "GET /api/v1/stt/phonemes"),
        replies={200: Answer("The symbols.", {JSON: wire.Body[wire.Phonemes]})},
    ),
    Operation(
        method="GET",
        path="/api/v1/stt/classes",
        summary="The word classes that phrases may name.",
        description=openapi.note(COVERAGE, "GET /api/v1/stt/classes"),
        replies={200: Answer("The classes.", {JSON: wire.Body[wire.Classes]})},
        errors=(*ANY_CALL, *STARTED),
    ),
    Operation(
        method="GET",
        path="/api/v1/technologies",
        summary="What is recognised, and how many instances there are and are busy.",
        replies={200: Answer("The technologies.", {JSON: wire.Body[wire.Technologies]})},
        errors=(*ANY_CALL, *STARTED),
    ),
)
_SOCKET: Final = Operation(
    method="GET",
    path="/api/v1/websocket/stt",
    summary="A live stream over a WebSocket.",
    description=openapi.note(COVERAGE, "GET /api/v1/websocket/stt", "without an upgrade"),
    replies={101: Answer("The WebSocket is open.")},
    errors=(*ANY_CALL, errors.InvalidRequest),
)
