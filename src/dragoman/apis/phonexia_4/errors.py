"""Our errors → the platform's: a type, a summary, and what is wrong in which place.

The document knows 400, 403, 404, 405, 413, 422, 429 and 507. What it has no status for is ``internal``: 500, or 503
where trying again helps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dragoman.apis.phonexia_4.wire import Detail, Error
from dragoman.core import errors
from dragoman.core.errors import DragomanError, InvalidRequest, PayloadTooLarge
from dragoman.transport.base import Reply, answer, json_reply

PARAMETERS: Final = frozenset({"language", "channel_mode", "channels", "enable_language_switching"})
"""Fields that travel in the query; all others travel in the body."""


@dataclass(frozen=True, slots=True)
class Saying:
    """``message`` sums up; what it was in this case is said by one detail of the type ``detail``, at ``location``
    unless the error names a field. Without a detail the summary says it all.
    """

    status: int
    type: str
    message: str = "{message}"
    detail: str = ""
    location: tuple[str, ...] = ()


def _validation(detail: str, *location: str) -> Saying:
    return Saying(422, "request.validation-error", "Request validation error.", detail, location)


def _invalid(detail: str) -> Saying:
    return Saying(400, "request.invalid", "Invalid request.", detail, ("body",))


def _capacity() -> Saying:
    return Saying(403, "request.forbidden", "Request is forbidden.", "licensing.capacity-exceeded", ("license",))


_FILE: Final = ("body", "file")
_INTERNAL: Final = Saying(500, "internal")
_UNAVAILABLE: Final = Saying(503, "internal")

TABLE: Final[dict[type[DragomanError], Saying]] = {
    errors.DragomanError: _INTERNAL,
    errors.InternalError: _INTERNAL,
    errors.WorkerLost: _INTERNAL,
    errors.InvalidRequest: _invalid("body.invalid"),
    errors.IncompleteUpload: _invalid("body.incomplete"),
    errors.MissingField: _validation("value.missing"),
    errors.InvalidField: _validation("value.invalid"),
    errors.UnsupportedOption: _validation("value.unsupported"),
    errors.UnsupportedLanguage: _validation("language.unsupported", "query", "language"),
    errors.UnknownModel: _validation("model.unknown"),
    errors.Conflict: _validation("resource.conflict"),
    errors.LimitReached: _validation("resource.limit-reached"),
    errors.PayloadTooLarge: Saying(
        413, "request.size-limit-exceeded", "Request size limit exceeded.", "media.too-large", _FILE
    ),
    errors.InvalidAudio: _validation("media.invalid", *_FILE),
    errors.EmptyAudio: _validation("media.empty", *_FILE),
    errors.UndecodableAudio: _validation("media.undecodable", *_FILE),
    errors.UnsupportedAudio: _validation("media.unsupported", *_FILE),
    errors.AudioTooLong: _validation("media.too-long", *_FILE),
    errors.NoSpeech: _validation("media.no-speech", *_FILE),
    errors.NotFound: Saying(404, "resource.not-found", "Resource not found.", "resource.not-found", ("path",)),
    errors.MethodNotAllowed: Saying(405, "method.invalid", "Invalid method.", "method.invalid", ("method",)),
    errors.AccessDenied: Saying(
        403, "request.forbidden", "Request is forbidden.", "authentication.key-invalid", ("header", "authorization")
    ),
    errors.QuotaExceeded: _capacity(),
    errors.Unavailable: _UNAVAILABLE,
    errors.NoFreeInstance: _capacity(),
    errors.StorageFull: Saying(
        507, "storage.capacity-exceeded", "Storage capacity exceeded.", "storage.capacity-exceeded", ("body",)
    ),
    errors.RateLimited: Saying(429, "request.rate-limit-exceeded", "Rate limit exceeded. {message}"),
    errors.EngineNotReady: _UNAVAILABLE,
    errors.Cancelled: _UNAVAILABLE,
}


class Invalid(Exception):
    """What is wrong with parts of a request, each in its place."""

    def __init__(self, *details: Detail) -> None:
        self.details = details


def say(error: DragomanError) -> Reply:
    return json_reply(body(error), answer(TABLE, error).status)


def say_invalid(invalid: Invalid) -> Reply:
    saying = TABLE[errors.InvalidField]
    return json_reply(Error(saying.type, saying.message, invalid.details), saying.status)


def body(error: DragomanError) -> Error:
    """What is said of it, in a reply or in a task."""
    saying = answer(TABLE, error)
    if not saying.detail:
        return Error(saying.type, saying.message.replace("{message}", error.message), ())
    detail = Detail(_location(error) or saying.location, error.message, saying.detail, _context(error))
    return Error(saying.type, saying.message, (detail,))


def _location(error: DragomanError) -> tuple[str, ...]:
    if not isinstance(error, InvalidRequest) or error.field is None:
        return ()
    return ("query" if error.field in PARAMETERS else "body", error.field)


def _context(error: DragomanError) -> dict[str, str | int]:
    if not isinstance(error, PayloadTooLarge):
        return {}
    return {"file_size": error.size, "max_file_size": error.limit, "size_unit": "bytes"}
