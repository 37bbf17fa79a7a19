"""The OpenAPI document of OpenAI's dialect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from dragoman.apis.openai import wire
from dragoman.apis.openai.coverage import COVERAGE
from dragoman.apis.openai.errors import say
from dragoman.apis.openai.translate import GRANULARITIES, REFUSED, RESPONSE_FORMATS
from dragoman.core import errors
from dragoman.transport import openapi
from dragoman.transport.openapi import ANY_CALL, BOOLEAN, FILE, JSON, RECOGNITION, Answer, Field, Form, Operation

_TRANSCRIBE: Final = "POST /v1/audio/transcriptions"
_EVENT: Final = {
    "type": "object",
    "properties": {"data": {"type": "string", "contentMediaType": JSON}},
    "required": ["data"],
}
"""One of a stream."""


def document(models: Iterable[str]) -> dict[str, Any]:
    """``models``: their names."""
    return openapi.document(
        openapi.Api(
            coverage=COVERAGE,
            operations=(_transcribe(models), _TRANSLATE, _MODELS, _MODEL),
            say=say,
            error=wire.ErrorBody,
        )
    )


def _transcribe(models: Iterable[str]) -> Operation:
    texts = {"type": "array", "items": {"type": "string"}}
    granularities = {"type": "array", "items": openapi.choice(GRANULARITIES)}
    return Operation(
        method="POST",
        path="/v1/audio/transcriptions",
        summary="Recognise a recording.",
        body=Form(
            (
                _field("file", FILE, required=True),
                _field("model", openapi.choice(models), required=True),
                _field("language", example="en"),
                _field("prompt"),
                _field("response_format", openapi.choice(RESPONSE_FORMATS)),
                _field("temperature", {"type": "number", "minimum": 0, "maximum": 1}),
                _field("stream", BOOLEAN),
                _field("chunking_strategy", openapi.choice(["auto"])),
                *_list("timestamp_granularities", granularities),
                *_list("keywords", texts),
                *_list("languages", texts),
                *(each for name in REFUSED for each in _list(name, texts)),
            )
        ),
        replies={
            200: Answer(
                "What was said, in the format that was asked for. With `stream` events, whose data are "
                "`transcript.text.delta` for each segment and `transcript.text.done` at the end.",
                {
                    JSON: (wire.Transcription, wire.VerboseTranscription, wire.DiarizedTranscription),
                    "text/plain": str,
                    "text/event-stream": _EVENT,
                },
            )
        },
        errors=RECOGNITION,
    )


def _field(name: str, shape: openapi.Shape = str, *, required: bool = False, example: Any = None) -> Field:
    return Field(name, openapi.note(COVERAGE, _TRANSCRIBE, name), shape, required, example)


def _list(name: str, shape: openapi.Shape) -> tuple[Field, ...]:
    """A list is written with brackets or without."""
    meant = openapi.note(COVERAGE, _TRANSCRIBE, f"{name}[]")
    return (Field(f"{name}[]", meant, shape), Field(name, f"The same as `{name}[]`.", shape))


_TRANSLATE: Final = Operation(
    method="POST",
    path="/v1/audio/translations",
    summary="Refused.",
    description=openapi.note(COVERAGE, "POST /v1/audio/translations"),
    replies={},
    errors=(*ANY_CALL, errors.UnsupportedOption),
)
_MODELS: Final = Operation(
    method="GET",
    path="/v1/models",
    summary="The models there are.",
    description=openapi.note(COVERAGE, "GET /v1/models"),
    replies={200: Answer("All of them.", {JSON: wire.ModelList})},
)
_MODEL: Final = Operation(
    method="GET",
    path="/v1/models/{name:path}",
    summary="One of the models.",
    description=openapi.note(COVERAGE, "GET /v1/models/{name:path}"),
    in_path=(Field("name", "Its name.", example="whisper-1"),),
    replies={200: Answer("The model.", {JSON: wire.Model})},
    errors=(*ANY_CALL, errors.UnknownModel),
)
