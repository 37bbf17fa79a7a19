"""OpenAPI 3.1 documents, made from what the code says already: wire models, error tables, coverage pages.

A dialect describes each of its operations once (``apis/*/openapi.py``); a test compares them with its routes and with
the fields that it reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from dragoman import __version__
from dragoman.core import errors
from dragoman.core.errors import DragomanError, Unavailable, all_errors
from dragoman.transport.base import Coverage, Reply

Shape = Any
"""A type that msgspec knows, a JSON Schema as a dict, or a tuple of these: any one of them."""

JSON: Final = "application/json"
MULTIPART: Final = "multipart/form-data"
FILE: Final = {"type": "string", "format": "binary"}
BOOLEAN: Final = {"type": "string", "enum": ["true", "false"]}
"""As it is written in a form or a query."""

BEARER: Final = {"type": "http", "scheme": "bearer", "description": "The secret of a key."}
API_KEY: Final = {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The secret of a key."}

ANY_CALL: Final = (errors.InternalError, errors.AccessDenied)
"""What may come of any call; of others say what else."""
STARTED: Final = (errors.EngineNotReady, errors.Unavailable)
"""What may come of a call that needs the recogniser."""
FIELDS: Final = (errors.InvalidField, errors.UnsupportedOption)
BODY: Final = (errors.InvalidRequest, errors.PayloadTooLarge, errors.IncompleteUpload, errors.Unavailable)
RECOGNITION: Final[tuple[type[DragomanError], ...]] = (
    *(ANY_CALL + STARTED + FIELDS + BODY),
    *all_errors(errors.InvalidAudio),
    errors.MissingField,
    errors.UnknownModel,
    errors.UnsupportedLanguage,
    errors.QuotaExceeded,
    errors.NoFreeInstance,
    errors.WorkerLost,
)
"""What may come of a form with a recording that is recognised while the client waits."""
JOBS: Final[tuple[type[DragomanError], ...]] = (*ANY_CALL, errors.Unavailable, errors.RateLimited)
"""What may come of any call on jobs."""
SUBMISSION: Final[tuple[type[DragomanError], ...]] = (
    *(JOBS + STARTED + FIELDS + BODY),
    errors.MissingField,
    errors.UnknownModel,
    errors.UnsupportedLanguage,
    errors.StorageFull,
)
"""What may come of a form with a recording that becomes a job."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form, or a parameter: its name as it is written, with the shape of its value.

    The ``example`` is one that works; Swagger UI fills it in.
    """

    name: str
    description: str = ""
    shape: Shape = str
    required: bool = False
    example: Any = None


@dataclass(frozen=True, slots=True)
class Form:
    """A body of fields. A ``closed`` one may have no others."""

    fields: tuple[Field, ...]
    kinds: tuple[str, ...] = (MULTIPART,)
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply: content type → shape, empty for one without a body."""

    description: str
    content: Mapping[str, Shape] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name → description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path, which is written as the route writes it."""

    method: str
    path: str
    summary: str
    description: str = ""
    query: tuple[Field, ...] = ()
    in_path: tuple[Field, ...] = ()
    headers: tuple[Field, ...] = ()
    body: Form | Mapping[str, Shape] | None = None
    """A form, or content type → shape."""
    body_required: bool = True
    replies: Mapping[int, Answer]
    errors: Iterable[type[DragomanError] | DragomanError] = ANY_CALL
    """Those that a client may be told, or one of them with its message; each dialect knows with which status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A dialect's document. ``error`` is the body of its errors, but for the statuses of ``errors_by_status``."""

    coverage: Coverage
    operations: tuple[Operation, ...]
    say: Callable[[DragomanError], Reply]
    error: Shape
    errors_by_status: Mapping[int, Shape] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of every reply: name → description."""
    keys: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """More ways to show a key than ``Authorization: Bearer`` and ``x-api-key``: name → security scheme."""


def choice(names: Iterable[str]) -> dict[str, Any]:
    """A text that is one of these."""
    return {"type": "string", "enum": list(names)}


def note(coverage: Coverage, operation: str, option: str = "") -> str:
    """What the coverage page says of an option of an operation such as ``POST /voice/stt``. Raises ``LookupError``."""
    method, _, path = operation.partition(" ")
    for row in coverage.options:
        *methods, of = re.split(r",? ", row.operation)
        if of == path and method in methods and option in (row.option, *row.option.split(", ")):
            prefix = {"ignored": "Ignored. ", "refused": "Refused. "}.get(row.treatment, "")
            return f"{prefix}{row.note}".strip()
    raise LookupError(f"the coverage page has no {option!r} of {operation}")


def template(path: str) -> str:
    """The path of a route as OpenAPI writes it: ``/v1/models/{name:path}`` is ``/v1/models/{name}``."""
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", path)


def document(api: Api) -> dict[str, Any]:
    """The whole OpenAPI document, ready to be encoded."""
    schemas = _Schemas(api)
    paths: dict[str, dict[str, Any]] = {}
    for operation in api.operations:
        paths.setdefault(template(operation.path), {})[operation.method.lower()] = _operation(api, operation, schemas)
    keys = {"bearer": BEARER, "apiKey": API_KEY, **api.keys}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": api.coverage.title,
            "version": __version__,
            "summary": "As Dragoman speaks it.",
            "description": "\n".join((f"Measured against: {api.coverage.source}.\n", *_list(api.coverage.notes))),
        },
        "servers": [{"url": "/"}],
        "security": [{}, *({name: []} for name in keys)],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": keys,
            "headers": _described(_headers(api)),
        },
    }


def _operation(api: Api, operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    parameters = [
        *(_parameter("path", each, schemas) for each in operation.in_path),
        *(_parameter("query", each, schemas) for each in operation.query),
        *(_parameter("header", each, schemas) for each in operation.headers),
    ]
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": re.sub(r"\W+", "-", f"{operation.method.lower()}{template(operation.path)}").strip("-"),
        "responses": {
            str(status): _answer(api, answer, schemas) for status, answer in sorted(_answers(api, operation).items())
        },
    }
    if operation.description:
        described["description"] = operation.description
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        content = operation.body
        if isinstance(content, Form):
            content = dict.fromkeys(content.kinds, _form(content, schemas))
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {kind: {"schema": schemas.of(shape)} for kind, shape in content.items()},
        }
    return described


def _parameter(where: Literal["path", "query", "header"], each: Field, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": each.name,
        "in": where,
        "description": each.description,
        "schema": schemas.of(each.shape),
    }
    if each.required or where == "path":
        described["required"] = True
    if each.example is not None:
        described["example"] = each.example
    return described


def _form(form: Form, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": "object",
        "properties": {
            each.name: {
                **schemas.of(each.shape),
                "description": each.description,
                **({} if each.example is None else {"examples": [each.example]}),
            }
            for each in form.fields
        },
    }
    if required := [each.name for each in form.fields if each.required]:
        described["required"] = required
    if form.closed:
        described["additionalProperties"] = False
    return described


def _answers(api: Api, operation: Operation) -> dict[int, Answer]:
    """With those of the errors, each status once."""
    meanings: dict[int, dict[str, None]] = {}
    kinds: dict[int, str] = {}
    waits: set[int] = set()
    for error in (each if isinstance(each, DragomanError) else each() for each in operation.errors):
        reply = api.say(error)
        meanings.setdefault(reply.status, {})[error.message] = None
        kinds[reply.status] = reply.content_type
        if isinstance(error, Unavailable):
            waits.add(reply.status)
    answers = {
        status: Answer(
            "\n".join(_list(meanings[status])),
            {kinds[status]: api.errors_by_status.get(status, api.error)},
            {"Retry-After": "Seconds to wait before trying again."} if status in waits else {},
        )
        for status in meanings
    }
    return {**answers, **operation.replies}


def _answer(api: Api, answer: Answer, schemas: _Schemas) -> dict[str, Any]:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _headers(api)}
    more = _described(answer.headers)
    described: dict[str, Any] = {"description": answer.description, "headers": {**headers, **more}}
    if answer.content:
        described["content"] = {kind: {"schema": schemas.of(shape)} for kind, shape in answer.content.items()}
    return described


def _headers(api: Api) -> dict[str, str]:
    return {"x-request-id": "Names the request in the log.", **api.headers}


def _described(headers: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"description": meaning, "schema": {"type": "string"}} for name, meaning in headers.items()}


def _list(lines: Iterable[str]) -> Iterator[str]:
    return (f"- {line}" for line in lines)


class _Schemas:
    """The JSON Schemas of all types of a document."""

    def __init__(self, api: Api) -> None:
        types = list(dict.fromkeys(_types(_shapes(api))))
        found, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
        self._found: dict[Shape, dict[str, Any]] = dict(zip(types, found, strict=True))
        self.components = _as_markdown(components)

    def of(self, shape: Shape) -> Mapping[str, Any]:
        if isinstance(shape, tuple):
            return {"anyOf": [self.of(each) for each in shape]}
        return shape if isinstance(shape, dict) else self._found[shape]


def _types(shapes: Iterable[Shape]) -> Iterator[Any]:
    for shape in shapes:
        if isinstance(shape, tuple):
            yield from _types(shape)
        elif not isinstance(shape, dict):
            yield shape


def _shapes(api: Api) -> Iterator[Shape]:
    yield api.error
    yield from api.errors_by_status.values()
    for operation in api.operations:
        for each in (*operation.in_path, *operation.query, *operation.headers):
            yield each.shape
        match operation.body:
            case Form(fields):
                yield from (each.shape for each in fields)
            case Mapping() as content:
                yield from content.values()
        for answer in operation.replies.values():
            yield from answer.content.values()


def _as_markdown(schema: Any) -> Any:
    """Docstrings are read by people: as Markdown, without the indentation of the source."""
    match schema:
        case {"description": str(text), **rest}:
            return {"description": " ".join(text.split()).replace("``", "`"), **_as_markdown(rest)}
        case dict():
            return {name: _as_markdown(value) for name, value in schema.items()}
        case list() | tuple():
            return [_as_markdown(value) for value in schema]
        case _:
            return schema
