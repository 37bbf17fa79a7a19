"""Our errors → Amazon's: a status, and the name of an exception of the service or of all services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dragoman.apis.amazon_transcribe.wire import Error
from dragoman.codecs.sigv4 import Reason, SignatureRefused
from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.transport.base import Reply, answer, json_reply
from dragoman.transport.http import REQUEST_ID

_BAD: Final = (400, "BadRequestException")
_FAILED: Final = (500, "InternalFailureException")
_UNAVAILABLE: Final = (503, "ServiceUnavailableException")

TABLE: Final[dict[type[DragomanError], tuple[int, str]]] = {
    errors.DragomanError: _FAILED,
    errors.InternalError: _FAILED,
    errors.WorkerLost: _FAILED,
    errors.InvalidRequest: _BAD,
    errors.MissingField: _BAD,
    errors.InvalidField: _BAD,
    errors.UnsupportedOption: _BAD,
    errors.UnsupportedLanguage: _BAD,
    errors.UnknownModel: _BAD,
    errors.Conflict: (409, "ConflictException"),
    errors.LimitReached: (429, "LimitExceededException"),
    errors.PayloadTooLarge: _BAD,
    errors.IncompleteUpload: _BAD,
    errors.InvalidAudio: _BAD,
    errors.EmptyAudio: _BAD,
    errors.UndecodableAudio: _BAD,
    errors.UnsupportedAudio: _BAD,
    errors.AudioTooLong: _BAD,
    errors.NoSpeech: _BAD,
    errors.NotFound: (404, "NotFoundException"),
    errors.MethodNotAllowed: (405, "UnknownOperationException"),
    errors.AccessDenied: (403, "AccessDeniedException"),
    errors.QuotaExceeded: (429, "LimitExceededException"),
    errors.Unavailable: _UNAVAILABLE,
    errors.NoFreeInstance: (429, "LimitExceededException"),
    errors.StorageFull: _UNAVAILABLE,
    errors.RateLimited: (429, "LimitExceededException"),
    errors.EngineNotReady: _UNAVAILABLE,
    errors.Cancelled: _UNAVAILABLE,
}

REFUSALS: Final[dict[Reason, str]] = {
    Reason.MISSING: "MissingAuthenticationTokenException",
    Reason.MALFORMED: "IncompleteSignatureException",
    Reason.UNKNOWN_KEY: "UnrecognizedClientException",
    Reason.WRONG_SCOPE: "InvalidSignatureException",
    Reason.SKEWED: "InvalidSignatureException",
    Reason.EXPIRED: "InvalidSignatureException",
    Reason.MISMATCH: "InvalidSignatureException",
}
"""The names of exceptions that every service has."""

_REFUSED: Final = 403
SILENCE_S: Final = 15
"""Without audio for so long a stream is ended."""
_SILENT: Final = f"Your request timed out because no new audio was received for {SILENCE_S} seconds."
"""The service's own words, which clients look for."""


@dataclass(frozen=True, slots=True)
class Named:
    """An error as Amazon's clients know it: the status of a reply, the name of the exception, and what it says."""

    status: int
    name: str
    message: str


def named(error: DragomanError | SignatureRefused) -> Named:
    """A refused signature is named by itself, also as the cause of an error."""
    if isinstance(error.__cause__, SignatureRefused) and isinstance(error, errors.AccessDenied):
        error = error.__cause__
    if isinstance(error, SignatureRefused):
        return Named(_REFUSED, REFUSALS[error.reason], str(error))
    return Named(*answer(TABLE, error), error.message)


def named_in_stream(error: DragomanError) -> Named:
    """The exceptions of an event stream are few, and clients do not know others; but one that opens a stream badly gets
    the exception that every service has for it."""
    known = named(error)
    if isinstance(error, errors.IncompleteUpload):
        return Named(known.status, known.name, _SILENT)
    if isinstance(error, errors.AudioTooLong):
        return Named(*TABLE[errors.LimitReached], known.message)
    return Named(*_BAD, known.message) if isinstance(error, errors.NotFound) else known


def say(error: DragomanError | SignatureRefused) -> Reply:
    known = named(error)
    headers = (("x-amzn-errortype", known.name), ("x-amzn-requestid", REQUEST_ID.get()))
    return json_reply(Error(known.name, known.message), known.status, headers)
