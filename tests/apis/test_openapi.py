"""The OpenAPI documents of the dialects: complete, and nothing in them that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import msgspec
import pytest

from dragoman.apis.openai import translate as openai
from dragoman.apis.phonexia_4 import translate as phonexia_4
from dragoman.apis.phonexia_v1 import translate as phonexia_v1
from dragoman.apis.speechmatics_v1 import translate as speechmatics_v1
from dragoman.apis.telecomx import translate as telecomx
from dragoman.server.settings import Settings
from dragoman.transport.base import Dialect
from dragoman.transport.openapi import template
from scripted import ScriptedPool, application

pytestmark = pytest.mark.unit

TRANSLATIONS: dict[str, ModuleType] = {
    "telecomx": telecomx,
    "phonexia_v1": phonexia_v1,
    "phonexia_4": phonexia_4,
    "openai": openai,
    "speechmatics_v1": speechmatics_v1,
}
DIALECTS = {dialect.name: dialect for dialect in application(Settings(), ScriptedPool()).dialects if dialect.openapi}

each_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


def documented(dialect: Dialect) -> dict[str, Any]:
    """As a client reads it."""
    assert dialect.openapi is not None
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(dialect.openapi()))
    return document


def everything(part: Any) -> Iterator[dict[str, Any]]:
    match part:
        case dict():
            yield part
            for value in part.values():
                yield from everything(value)
        case list():
            for value in part:
                yield from everything(value)


def test_every_rest_dialect_has_a_document() -> None:
    rest = {dialect.name for dialect in application(Settings(), ScriptedPool()).dialects} - {"amazon_transcribe"}
    assert set(DIALECTS) == rest


@each_dialect
def test_a_document_has_the_routes_of_its_dialect_and_no_others(dialect: Dialect) -> None:
    served = {
        (template(route.path), method.lower())
        for route in dialect.routes
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {(path, method) for path, methods in documented(dialect)["paths"].items() for method in methods} == served


@each_dialect
def test_every_field_that_is_read_is_described(dialect: Dialect) -> None:
    document = documented(dialect)
    forms = [part["properties"] for part in everything(document["paths"]) if "properties" in part]
    parameters = [part["name"] for part in everything(document["paths"]) if "in" in part]
    described = {*parameters, *(name for form in forms for name in form)}
    assert set(TRANSLATIONS[dialect.name].FIELDS) <= described


@each_dialect
def test_every_reference_leads_somewhere(dialect: Dialect) -> None:
    document = documented(dialect)
    targets = {part["$ref"] for part in everything(document) if "$ref" in part}
    for target in targets:
        part: Any = document
        for step in target.removeprefix("#/").split("/"):
            part = part[step]
        assert part


@each_dialect
def test_operations_have_names_of_their_own_and_say_how_they_fail(dialect: Dialect) -> None:
    operations = [operation for path in documented(dialect)["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] and operation["responses"] for operation in operations)
    assert all("500" in operation["responses"] for operation in operations)


@each_dialect
def test_parameters_of_a_path_are_those_in_it(dialect: Dialect) -> None:
    for path, methods in documented(dialect)["paths"].items():
        for operation in methods.values():
            named = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
            assert named == {part.strip("{}") for part in path.split("/") if part.startswith("{")}
