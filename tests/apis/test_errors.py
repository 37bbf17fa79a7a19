"""Every error has an answer in every dialect, in its form, with a status that its clients know."""

from __future__ import annotations

from http import HTTPStatus
from types import ModuleType
from typing import Any

import msgspec
import pytest

from dragoman.apis.amazon_transcribe import errors as amazon_transcribe
from dragoman.apis.openai import errors as openai
from dragoman.apis.phonexia_4 import errors as phonexia_4
from dragoman.apis.phonexia_v1 import errors as phonexia_v1
from dragoman.apis.speechmatics_v1 import errors as speechmatics_v1
from dragoman.apis.telecomx import errors as telecomx
from dragoman.core.errors import (
    AccessDenied,
    Cancelled,
    Conflict,
    DragomanError,
    InternalError,
    InvalidAudio,
    InvalidField,
    InvalidRequest,
    MethodNotAllowed,
    MissingField,
    NoFreeInstance,
    NoSpeech,
    NotFound,
    PayloadTooLarge,
    QuotaExceeded,
    RateLimited,
    StorageFull,
    Unavailable,
    UndecodableAudio,
    UnsupportedLanguage,
    all_errors,
)

pytestmark = pytest.mark.unit

ERRORS = list(all_errors())
DOCUMENTED = {
    telecomx: {403, 404, 422, 500},
    phonexia_v1: {422, 500, 503},
    openai: {400, 401, 404, 429, 500, 503},
    amazon_transcribe: {400, 404, 409, 429, 500},
    phonexia_4: {400, 403, 404, 413, 422, 429, 507},
    speechmatics_v1: {400, 401, 403, 404, 429, 500, 501, 503},
}
"""What the vendors' documents name."""
BEYOND = {
    telecomx: {MethodNotAllowed: 405, Unavailable: 503, RateLimited: 429},
    phonexia_v1: {NotFound: 404, MethodNotAllowed: 405, AccessDenied: 401, RateLimited: 429},
    openai: {MethodNotAllowed: 405},
    amazon_transcribe: {MethodNotAllowed: 405, AccessDenied: 403, Unavailable: 503, Cancelled: 503},
    phonexia_4: {DragomanError: 500, MethodNotAllowed: 405, Unavailable: 503, Cancelled: 503},
    speechmatics_v1: {MethodNotAllowed: 405, Conflict: 423, StorageFull: 507},
}
"""What the documents have no word for, and the coverage page explains."""


def says(dialect: ModuleType, error: DragomanError) -> tuple[int, Any]:
    reply = dialect.say(error)
    assert reply.content_type == "application/json"
    return reply.status, msgspec.json.decode(reply.body)


dialects = pytest.mark.parametrize("dialect", DOCUMENTED, ids=lambda dialect: dialect.__name__.split(".")[2])
each_error = pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)


@dialects
@each_error
def test_every_error_has_its_own_line_in_the_table(dialect: ModuleType, kind: type[DragomanError]) -> None:
    assert kind in dialect.TABLE


@dialects
@each_error
def test_the_status_is_one_that_the_document_knows(dialect: ModuleType, kind: type[DragomanError]) -> None:
    status, _ = says(dialect, kind())
    beyond = {status for parent, status in BEYOND[dialect].items() if issubclass(kind, parent)}
    beyond |= {413} if dialect is openai and kind.code == "payload_too_large" else set()
    beyond |= {503} if dialect is telecomx and kind.code == "cancelled" else set()
    assert status in DOCUMENTED[dialect] | beyond
    HTTPStatus(status)


@dialects
@each_error
def test_blame_is_given_where_it_belongs(dialect: ModuleType, kind: type[DragomanError]) -> None:
    """The client's for what it sent, the server's for the rest: whoever watches a server counts 5xx."""
    status, _ = says(dialect, kind())
    servers_fault = kind is DragomanError or issubclass(kind, InternalError | Unavailable) or kind.code == "cancelled"
    if kind is RateLimited:
        servers_fault = False  # the client asks too often
    if dialect is phonexia_v1 and kind is QuotaExceeded:
        servers_fault = True  # the document knows no quota; 503 is what it has for "not now"
    if dialect is amazon_transcribe and kind is NoFreeInstance:
        servers_fault = False  # the service counts streams that are too many as the client's
    if dialect is phonexia_4 and kind is NoFreeInstance:
        servers_fault = False  # the platform counts instances as what the client has a licence for
    assert (status >= 500) is servers_fault


@dialects
@each_error
def test_the_message_reaches_the_person(dialect: ModuleType, kind: type[DragomanError]) -> None:
    message = 'what is "wrong": {message} and {what} to do'
    _, body = says(dialect, kind(message))
    if not (dialect is phonexia_v1 and kind is UndecodableAudio):
        assert message in str(body)
    assert message in str(kind(message))


def test_telecomx_says_the_words_of_its_table() -> None:
    assert {
        (status, body["message"])
        for status, body in (
            says(telecomx, error)
            for error in (InvalidAudio(), AccessDenied(), QuotaExceeded(), NoSpeech(), InternalError())
        )
    } == {(404, "file"), (403, "access_denied"), (403, "quota_exceeded"), (422, "file"), (500, "internal_error")}


def test_telecomx_names_the_field_that_is_wrong() -> None:
    _, body = says(telecomx, InvalidField("no", field="timestamps_granularity"))
    assert body == {"code": 422, "message": "timestamps_granularity", "description": "no"}


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_phonexia_says_everything_in_one_form(kind: type[DragomanError]) -> None:
    _, body = says(phonexia_v1, kind())
    result = body["result"]
    assert set(body) == {"result"}
    assert set(result) == {"version", "name", "message"}
    assert (result["version"], result["name"]) == (1, "CloudErrorResult")


def test_phonexia_says_the_one_coded_message_of_its_document() -> None:
    assert says(phonexia_v1, UndecodableAudio("details")) == (
        422,
        {"result": {"version": 1, "name": "CloudErrorResult", "message": "(1007) Unsupported audio format"}},
    )


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_openai_says_message_type_param_and_code(kind: type[DragomanError]) -> None:
    _, body = says(openai, kind())
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}


def test_openai_names_the_parameter_that_is_wrong() -> None:
    assert says(openai, InvalidField("no", field="temperature"))[1]["error"]["param"] == "temperature"
    assert says(openai, InvalidAudio("no"))[1]["error"]["param"] == "file"


def test_what_a_stream_says_is_what_a_reply_says() -> None:
    for kind in ERRORS:
        assert openai.say_in_stream(kind("m")) == openai.say(kind("m")).body.strip()


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_speechmatics_says_code_error_and_detail(kind: type[DragomanError]) -> None:
    status, body = says(speechmatics_v1, kind("what to do"))
    assert (body["code"], body["detail"]) == (status, "what to do")
    assert set(body) == {"code", "error", "detail"}


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (InvalidField("m"), 400, "Malformed request"),
        (MissingField("m", field="data_file"), 400, "Missing data_file"),
        (MissingField("m", field="language"), 400, "No language selected"),
        (MissingField("m", field="callback"), 400, "Missing callback"),
        (UnsupportedLanguage("m"), 400, "Requested product not available"),
        (AccessDenied("m"), 401, "Invalid User Id or Token"),
        (UndecodableAudio("m"), 403, "Job rejected due to invalid audio"),
        (QuotaExceeded("m"), 403, "Insufficient Credit"),
        (NotFound("m"), 404, "Job not found"),
        (RateLimited("m"), 429, "Too Many requests"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_speechmatics_says_the_texts_that_its_clients_know(error: DragomanError, status: int, text: str) -> None:
    assert says(speechmatics_v1, error) == (status, {"code": status, "error": text, "detail": "m"})


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_phonexia_4_says_type_message_and_details_with_their_places(kind: type[DragomanError]) -> None:
    _, body = says(phonexia_4, kind())
    assert set(body) == {"type", "message", "detail"}
    for detail in body["detail"]:
        assert set(detail) == {"location", "message", "type", "context"}
        assert detail["location"] or issubclass(kind, InvalidRequest)  # which names a field where one is to blame


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InvalidRequest(), 400, ("request.invalid", "Invalid request.")),
        (
            QuotaExceeded(),
            403,
            ("request.forbidden", "Request is forbidden.", "license", "licensing.capacity-exceeded"),
        ),
        (
            PayloadTooLarge(size=1_048_576_000, limit=524_288_000),
            413,
            ("request.size-limit-exceeded", "Request size limit exceeded.", "media.too-large", 1_048_576_000, "bytes"),
        ),
        (
            InvalidField(field="config"),
            422,
            ("request.validation-error", "Request validation error.", "body", "config"),
        ),
        (InvalidField(field="channels"), 422, ("request.validation-error", "query", "channels")),
        (RateLimited("2 in 5 s."), 429, ("request.rate-limit-exceeded", "Rate limit exceeded. 2 in 5 s.")),
        (StorageFull(), 507, ("storage.capacity-exceeded", "Storage capacity exceeded.")),
        (MethodNotAllowed(), 405, ("method.invalid",)),
        (NotFound(), 404, ("resource.not-found",)),
        (InternalError(), 500, ("internal",)),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, DragomanError) else "",
)
def test_phonexia_4_says_what_its_document_shows(
    error: DragomanError, status: int, said: tuple[str | int, ...]
) -> None:
    found, body = says(phonexia_4, error)
    assert found == status
    assert body["type"] == said[0]
    assert all(str(part) in str(body) for part in said)
