"""The OpenAPI document of Speechmatics's dialect."""

from __future__ import annotations

from typing import Any, Final

from dragoman.apis.speechmatics_v1 import wire
from dragoman.apis.speechmatics_v1.coverage import COVERAGE
from dragoman.apis.speechmatics_v1.errors import NOT_IMPLEMENTED, say
from dragoman.apis.speechmatics_v1.output import OUTPUTS
from dragoman.apis.speechmatics_v1.translate import FORMATS
from dragoman.core import errors
from dragoman.transport import openapi
from dragoman.transport.openapi import BOOLEAN, FILE, JOBS, JSON, SUBMISSION, Answer, Field, Form, Operation

_JOBS: Final = "/v1/user/{user}/jobs"
_JOB: Final = f"{_JOBS}/{{job}}"
_SUBMIT: Final = f"POST {_JOBS}"
_TRANSCRIPT: Final = f"GET {_JOB}/transcript"
_ALIGNMENT: Final = f"GET {_JOB}/alignment"
_NUMBER: Final = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
_USER: Final = Field("user", "Any positive integer.", _NUMBER, example=1)
_OF_A_JOB: Final = (_USER, Field("job", "What submitting the recording replied.", _NUMBER))
_EXAMPLE: Final = {"type": "transcription", "transcription_config": {"language": "en"}}
_ERRORS: Final = (*JOBS, errors.NotFound)


def document() -> dict[str, Any]:
    return openapi.document(
        openapi.Api(
            coverage=COVERAGE,
            operations=(_SUBMITTING, _LISTING, _LOOKING, _DELETING, _READING, _ALIGNING, _LISTENING),
            say=say,
            error=wire.Error,
            keys={
                "auth_token": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "auth_token",
                    "description": openapi.note(COVERAGE, "every call", "auth_token"),
                }
            },
        )
    )


def _field(name: str, shape: openapi.Shape = str, *, required: bool = False, example: Any = None) -> Field:
    return Field(name, openapi.note(COVERAGE, _SUBMIT, name), shape, required, example)


_SUBMITTING: Final = Operation(
    method="POST",
    path=_JOBS,
    summary="Hand in a recording.",
    in_path=(_USER,),
    body=Form(
        (
            _field("data_file", FILE, required=True),
            _field("config", wire.JobConfig, example=_EXAMPLE),
            _field("model"),
            _field("diarization", BOOLEAN),
            _field("diarisation", BOOLEAN),
            _field("notification", openapi.choice(["none", "callback", "email"])),
            _field("callback"),
            _field("callback_format", openapi.choice(FORMATS)),
            _field("meta"),
            *(_field(name, FILE if name == "text_file" else str) for name in NOT_IMPLEMENTED),
        )
    ),
    replies={200: Answer("The job.", {JSON: wire.Submitted})},
    errors=(
        *SUBMISSION,
        *(errors.UnsupportedOption(f"{name} is not implemented.", field=name) for name in NOT_IMPLEMENTED),
    ),
)
_LISTING: Final = Operation(
    method="GET",
    path=_JOBS,
    summary="The jobs there are.",
    description=openapi.note(COVERAGE, f"GET {_JOBS}"),
    in_path=(_USER,),
    replies={200: Answer("The jobs, the newest first.", {JSON: wire.Jobs})},
    errors=JOBS,
)
_LOOKING: Final = Operation(
    method="GET",
    path=_JOB,
    summary="A job and its state.",
    in_path=_OF_A_JOB,
    replies={200: Answer("The job.", {JSON: wire.OneJob})},
    errors=_ERRORS,
)
_DELETING: Final = Operation(
    method="DELETE",
    path=_JOB,
    summary="Remove a job with its recording and its transcript.",
    description=openapi.note(COVERAGE, f"DELETE {_JOB}"),
    in_path=_OF_A_JOB,
    query=(Field("force", openapi.note(COVERAGE, f"DELETE {_JOB}", "force"), BOOLEAN),),
    replies={200: Answer("The job as it was.", {JSON: wire.OneJob})},
    errors=(*_ERRORS, errors.Conflict, errors.InvalidField),
)
_READING: Final = Operation(
    method="GET",
    path=f"{_JOB}/transcript",
    summary="The transcript of a job that is done.",
    in_path=_OF_A_JOB,
    query=(Field("format", openapi.note(COVERAGE, _TRANSCRIPT, "format"), openapi.choice(OUTPUTS)),),
    replies={
        200: Answer(
            "The transcript, in the format that was asked for.",
            {JSON: (wire.Transcript, wire.TranscriptV2), "text/plain": str},
        )
    },
    errors=_ERRORS,
)
_ALIGNING: Final = Operation(
    method="GET",
    path=f"{_JOB}/alignment",
    summary="The words of the transcript with their times.",
    description=openapi.note(COVERAGE, _ALIGNMENT),
    in_path=_OF_A_JOB,
    query=(
        Field(
            "tags",
            openapi.note(COVERAGE, _ALIGNMENT, "tags"),
            openapi.choice(["word_start_and_end", "one_per_line"]),
        ),
    ),
    replies={200: Answer("The text with tags.", {"text/plain": str})},
    errors=_ERRORS,
)
_LISTENING: Final = Operation(
    method="GET",
    path=f"{_JOB}/audio",
    summary="The recording of a job.",
    description=openapi.note(COVERAGE, f"GET {_JOB}/audio"),
    in_path=_OF_A_JOB,
    replies={
        200: Answer(
            "The recording.",
            {kind: FILE for kind in ("audio/*", "video/*", "application/octet-stream")},
            {"content-disposition": "Names the file."},
        )
    },
    errors=_ERRORS,
)
