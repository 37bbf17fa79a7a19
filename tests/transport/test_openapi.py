"""Laws of the OpenAPI documents, whatever the dialect."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.transport.base import Coverage, Covered, Reply
from dragoman.transport.openapi import (
    FILE,
    JSON,
    MULTIPART,
    Answer,
    Api,
    Field,
    Form,
    Operation,
    document,
    note,
    template,
)

pytestmark = pytest.mark.unit

COVERAGE = Coverage(
    "A vendor's API",
    "a document",
    ("Note.",),
    (
        Covered("GET, POST /login", "name, password", "ignored", "No matter."),
        Covered("POST /files", "speed", "refused", "Too fast."),
        Covered("POST /files", "language", "supported"),
        Covered("GET /files", "", "differs", "Shorter."),
    ),
)


class Problem(Struct):
    """What ``went``
    wrong."""

    reason: str


class Refusal(Struct):
    field: str


class Result(Struct):
    text: str


def say(error: DragomanError) -> Reply:
    match error:
        case errors.Unavailable():
            return Reply(503, b"")
        case errors.InvalidRequest():
            return Reply(422, b"", "application/problem+json")
        case _:
            return Reply(500, b"")


def made(**described: Any) -> dict[str, Any]:
    """The only operation, and ``components``."""
    operation = Operation(**{"method": "POST", "path": "/files", "summary": "Send.", "replies": {}, **described})
    whole = document(
        Api(coverage=COVERAGE, operations=(operation,), say=say, error=Problem, errors_by_status={422: Refusal})
    )
    ((only,),) = (path.values() for path in whole["paths"].values())
    return {**only, "components": whole["components"]}


def schema_of(answer: dict[str, Any], kind: str = JSON) -> Any:
    return answer["content"][kind]["schema"]


def test_notes_are_those_of_the_coverage_page() -> None:
    assert note(COVERAGE, "POST /login", "password") == "Ignored. No matter."
    assert note(COVERAGE, "GET /login", "name") == "Ignored. No matter."
    assert note(COVERAGE, "POST /files", "speed") == "Refused. Too fast."
    assert note(COVERAGE, "POST /files", "language") == ""
    assert note(COVERAGE, "GET /files") == "Shorter."


@pytest.mark.parametrize(
    ("operation", "option"), [("PUT /login", "name"), ("POST /file", "speed"), ("POST /files", "spee")]
)
def test_what_the_coverage_page_does_not_have_cannot_be_described(operation: str, option: str) -> None:
    with pytest.raises(LookupError, match=option):
        note(COVERAGE, operation, option)


def test_paths_are_written_without_converters() -> None:
    assert template("/v1/{name:path}/{number:int}/{id}") == "/v1/{name}/{number}/{id}"


def test_statuses_bodies_and_types_of_errors_are_those_that_the_dialect_says() -> None:
    raised = (errors.InternalError, errors.InvalidField, errors.MissingField, errors.EngineNotReady)
    described = made(errors=raised, replies={200: Answer("Done.")})
    replies = described["responses"]
    assert list(replies) == ["200", "422", "500", "503"]
    assert schema_of(replies["500"]) == {"$ref": "#/components/schemas/Problem"}
    assert schema_of(replies["422"], "application/problem+json") == {"$ref": "#/components/schemas/Refusal"}
    assert replies["422"]["description"].count("\n") == 1
    assert [status for status, reply in replies.items() if "Retry-After" in reply["headers"]] == ["503"]
    assert "content" not in replies["200"]


def test_a_reply_that_is_described_goes_before_that_of_an_error() -> None:
    described = made(errors=(errors.InternalError,), replies={500: Answer("Mine.", {"text/plain": str})})
    assert described["responses"]["500"]["description"] == "Mine."


def test_a_form_has_its_fields_and_no_others_unless_it_is_open() -> None:
    fields = (Field("file", "The file.", FILE, required=True), Field("count", "", int), Field("any", "", (str, Result)))
    for closed in (True, False):
        body = made(body=Form(fields, closed=closed))["requestBody"]
        schema = schema_of(body, MULTIPART)
        assert schema["required"] == ["file"]
        assert schema["properties"]["file"] == {**FILE, "description": "The file."}
        assert schema["properties"]["count"]["type"] == "integer"
        assert len(schema["properties"]["any"]["anyOf"]) == 2
        assert schema.get("additionalProperties", True) is not closed
        assert body["required"]


def test_parameters_say_where_they_are_and_those_of_a_path_are_required() -> None:
    described = made(
        path="/files/{id}",
        in_path=(Field("id"),),
        query=(Field("page", shape=int),),
        headers=(Field("x-id", required=True),),
    )
    found = [(each["name"], each["in"], each.get("required", False)) for each in described["parameters"]]
    assert found == [("id", "path", True), ("page", "query", False), ("x-id", "header", True)]


def test_docstrings_of_models_are_markdown() -> None:
    assert made()["components"]["schemas"]["Problem"]["description"] == "What `went` wrong."
