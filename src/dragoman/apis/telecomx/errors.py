"""Our errors → Telecomx's: a status and a short word, which is the name of a field where one is to blame."""

from __future__ import annotations

from typing import Final

from dragoman.apis.telecomx.wire import Error
from dragoman.core import errors
from dragoman.core.errors import DragomanError, InvalidRequest
from dragoman.transport.base import Reply, answer, json_reply

TABLE: Final[dict[type[DragomanError], tuple[int, str]]] = {
    errors.DragomanError: (500, "internal_error"),
    errors.InternalError: (500, "internal_error"),
    errors.WorkerLost: (500, "internal_error"),
    # The only thing that must be in a request is the file: what cannot be read has none.
    errors.InvalidRequest: (404, "file"),
    errors.MissingField: (404, "file"),
    errors.PayloadTooLarge: (404, "file"),
    errors.IncompleteUpload: (404, "file"),
    errors.InvalidField: (422, "request"),
    errors.UnsupportedOption: (422, "request"),
    errors.UnsupportedLanguage: (422, "language"),
    errors.Conflict: (422, "request"),
    errors.LimitReached: (422, "request"),
    errors.UnknownModel: (422, "engine"),
    errors.InvalidAudio: (404, "file"),
    errors.EmptyAudio: (404, "file"),
    errors.UndecodableAudio: (404, "file"),
    errors.UnsupportedAudio: (404, "file"),
    errors.AudioTooLong: (404, "file"),
    errors.NoSpeech: (422, "file"),
    errors.NotFound: (404, "not_found"),
    errors.MethodNotAllowed: (405, "method_not_allowed"),
    errors.AccessDenied: (403, "access_denied"),
    errors.QuotaExceeded: (403, "quota_exceeded"),
    errors.Unavailable: (503, "unavailable"),
    errors.NoFreeInstance: (503, "unavailable"),
    errors.StorageFull: (503, "unavailable"),
    errors.RateLimited: (429, "unavailable"),
    errors.EngineNotReady: (503, "unavailable"),
    errors.Cancelled: (503, "unavailable"),
}
"""For 422 the word is the name of the field, where the error has one."""

_WORDS: Final = {"speakers": "diarize"}
"""Fields that have another name here."""


def say(error: DragomanError) -> Reply:
    status, word = answer(TABLE, error)
    if status == 422 and isinstance(error, InvalidRequest) and error.field:
        word = _WORDS.get(error.field, error.field)
    return json_reply(Error(code=status, message=word, description=error.message), status)
