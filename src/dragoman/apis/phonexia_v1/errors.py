"""Our errors → Phonexia's: a status and a message in a ``CloudErrorResult``.

The document knows 422, 500 and 503. It knows no keys and no unknown paths; those get what HTTP has for them.
"""

from __future__ import annotations

from typing import Final

from dragoman.apis.phonexia_v1.wire import Body, Error
from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.transport.base import Reply, answer, json_reply

_UNSUPPORTED_FORMAT: Final = "(1007) Unsupported audio format"
"""The one coded message that the document shows."""

TABLE: Final[dict[type[DragomanError], tuple[int, str]]] = {
    errors.DragomanError: (500, "{message}"),
    errors.InternalError: (500, "{message}"),
    errors.WorkerLost: (500, "{message}"),
    errors.InvalidRequest: (422, "{message}"),
    errors.MissingField: (422, "{message}"),
    errors.InvalidField: (422, "{message}"),
    errors.UnsupportedOption: (422, "{message}"),
    errors.UnsupportedLanguage: (422, "{message}"),
    errors.Conflict: (422, "{message}"),
    errors.LimitReached: (422, "{message}"),
    errors.UnknownModel: (422, "{message}"),
    errors.PayloadTooLarge: (422, "{message}"),
    errors.IncompleteUpload: (422, "{message}"),
    errors.InvalidAudio: (422, "{message}"),
    errors.EmptyAudio: (422, "{message}"),
    errors.UndecodableAudio: (422, _UNSUPPORTED_FORMAT),
    errors.UnsupportedAudio: (422, _UNSUPPORTED_FORMAT + ": {message}"),
    errors.AudioTooLong: (422, "{message}"),
    errors.NoSpeech: (422, "{message}"),
    errors.NotFound: (404, "{message}"),
    errors.MethodNotAllowed: (405, "{message}"),
    errors.AccessDenied: (401, "{message}"),
    errors.QuotaExceeded: (503, "{message}"),
    errors.Unavailable: (503, "{message}"),
    errors.NoFreeInstance: (503, "{message}"),
    errors.StorageFull: (503, "{message}"),
    errors.RateLimited: (429, "{message}"),
    errors.EngineNotReady: (503, "{message}"),
    errors.Cancelled: (503, "{message}"),
}


def say(error: DragomanError) -> Reply:
    return json_reply(Body(Error(message=message(error))), answer(TABLE, error)[0])


def message(error: DragomanError) -> str:
    """What is said of it, in a reply or over a WebSocket."""
    return answer(TABLE, error)[1].replace("{message}", error.message)
