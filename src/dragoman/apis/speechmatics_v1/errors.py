"""Our errors → Speechmatics's: a status and a text by which their clients tell them apart; our message beside it."""

from __future__ import annotations

from typing import Final

from dragoman.apis.speechmatics_v1.wire import Error
from dragoman.core import errors
from dragoman.core.errors import DragomanError, InvalidRequest
from dragoman.transport.base import Reply, answer, json_reply

_MALFORMED: Final = (400, "Malformed request")
_NO_PRODUCT: Final = (400, "Requested product not available")
_INVALID_AUDIO: Final = (403, "Job rejected due to invalid audio")
_SERVER_ERROR: Final = (500, "Internal Server Error")
_UNAVAILABLE: Final = (503, "Service Unavailable")
_NOT_IMPLEMENTED: Final = (501, "Not Implemented")

TABLE: Final[dict[type[DragomanError], tuple[int, str]]] = {
    errors.DragomanError: _SERVER_ERROR,
    errors.InternalError: _SERVER_ERROR,
    errors.WorkerLost: _SERVER_ERROR,
    errors.InvalidRequest: _MALFORMED,
    errors.MissingField: _MALFORMED,
    errors.InvalidField: _MALFORMED,
    errors.UnsupportedOption: _MALFORMED,
    errors.UnsupportedLanguage: _NO_PRODUCT,
    errors.UnknownModel: _NO_PRODUCT,
    errors.Conflict: (423, "Resource Locked"),
    errors.LimitReached: _MALFORMED,
    errors.PayloadTooLarge: _MALFORMED,
    errors.IncompleteUpload: _MALFORMED,
    errors.InvalidAudio: _INVALID_AUDIO,
    errors.EmptyAudio: _INVALID_AUDIO,
    errors.UndecodableAudio: _INVALID_AUDIO,
    errors.UnsupportedAudio: _INVALID_AUDIO,
    errors.AudioTooLong: _INVALID_AUDIO,
    errors.NoSpeech: _INVALID_AUDIO,
    errors.NotFound: (404, "Job not found"),
    errors.MethodNotAllowed: (405, "Method Not Allowed"),
    errors.AccessDenied: (401, "Invalid User Id or Token"),
    errors.QuotaExceeded: (403, "Insufficient Credit"),
    errors.Unavailable: _UNAVAILABLE,
    errors.NoFreeInstance: _UNAVAILABLE,
    errors.StorageFull: (507, "Insufficient Storage"),
    errors.RateLimited: (429, "Too Many requests"),
    errors.EngineNotReady: _UNAVAILABLE,
    errors.Cancelled: _UNAVAILABLE,
}

NOT_IMPLEMENTED: Final = ("data_url", "text_url", "text_file", "notification_email_address")
"""Fields of their service that the document names as answered with 501 by the appliance."""

_OF_FIELDS: Final[dict[tuple[type[DragomanError], str], tuple[int, str]]] = {
    (errors.MissingField, "data_file"): (400, "Missing data_file"),
    (errors.MissingField, "language"): (400, "No language selected"),
    (errors.MissingField, "callback"): (400, "Missing callback"),
    (errors.UnsupportedOption, "speakers"): _NO_PRODUCT,
    (errors.UnsupportedOption, "notification"): _NOT_IMPLEMENTED,
    **{(errors.UnsupportedOption, field): _NOT_IMPLEMENTED for field in NOT_IMPLEMENTED},
}
"""Where the field says more than the class."""


def say(error: DragomanError) -> Reply:
    field = error.field if isinstance(error, InvalidRequest) else None
    status, text = _OF_FIELDS.get((type(error), field or "")) or answer(TABLE, error)
    return reply(status, text, error.message)


def reply(status: int, text: str, detail: str = "") -> Reply:
    return json_reply(Error(status, text, detail), status)
