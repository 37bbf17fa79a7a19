"""Our errors → OpenAI's: a status, a type and a code; the offending field where one is to blame."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.apis.openai.wire import Error, ErrorBody
from dragoman.core import errors
from dragoman.core.errors import DragomanError, InvalidAudio, InvalidRequest
from dragoman.transport.base import Reply, answer, json_reply

_INVALID: Final = "invalid_request_error"
_SERVER: Final = "server_error"

TABLE: Final[dict[type[DragomanError], tuple[int, str, str | None]]] = {
    errors.DragomanError: (500, _SERVER, "internal_error"),
    errors.InternalError: (500, _SERVER, "internal_error"),
    errors.WorkerLost: (500, _SERVER, "internal_error"),
    errors.InvalidRequest: (400, _INVALID, None),
    errors.MissingField: (400, _INVALID, "missing_required_parameter"),
    errors.InvalidField: (400, _INVALID, "invalid_value"),
    errors.UnsupportedOption: (400, _INVALID, "unsupported_parameter"),
    errors.UnsupportedLanguage: (400, _INVALID, "unsupported_language"),
    errors.Conflict: (400, _INVALID, "conflict"),
    errors.LimitReached: (400, _INVALID, "limit_reached"),
    errors.UnknownModel: (404, _INVALID, "model_not_found"),
    errors.PayloadTooLarge: (413, _INVALID, "payload_too_large"),
    errors.IncompleteUpload: (400, _INVALID, "incomplete_upload"),
    errors.InvalidAudio: (400, _INVALID, "invalid_audio"),
    errors.EmptyAudio: (400, _INVALID, "empty_audio"),
    errors.UndecodableAudio: (400, _INVALID, "undecodable_audio"),
    errors.UnsupportedAudio: (400, _INVALID, "unsupported_audio"),
    errors.AudioTooLong: (400, _INVALID, "audio_too_long"),
    errors.NoSpeech: (400, _INVALID, "no_speech"),
    errors.NotFound: (404, _INVALID, "not_found"),
    errors.MethodNotAllowed: (405, _INVALID, "method_not_allowed"),
    errors.AccessDenied: (401, _INVALID, "invalid_api_key"),
    errors.QuotaExceeded: (429, "insufficient_quota", "insufficient_quota"),
    errors.Unavailable: (503, _SERVER, "unavailable"),
    errors.NoFreeInstance: (503, _SERVER, "no_free_instance"),
    errors.StorageFull: (503, _SERVER, "storage_full"),
    errors.RateLimited: (429, "requests", "rate_limit_exceeded"),
    errors.EngineNotReady: (503, _SERVER, "engine_not_ready"),
    errors.Cancelled: (503, _SERVER, "cancelled"),
}

_PARAMS: Final = {"speakers": "response_format"}
"""Fields that have another name here."""


def say(error: DragomanError) -> Reply:
    status, _, _ = answer(TABLE, error)
    return json_reply(_body(error), status)


def say_in_stream(error: DragomanError) -> bytes:
    """The data of an event, for when the status has already been sent."""
    return msgspec.json.encode(_body(error))


def _body(error: DragomanError) -> ErrorBody:
    _, kind, code = answer(TABLE, error)
    param = "file" if isinstance(error, InvalidAudio) else None
    if isinstance(error, InvalidRequest):
        param = _PARAMS.get(error.field or "", error.field)
    return ErrorBody(Error(message=error.message, type=kind, param=param, code=code))
