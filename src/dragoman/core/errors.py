"""One exception tree. Every class has a stable ``code`` and says whether trying again can help.

Each vendor's package maps this tree to its own statuses and bodies in one table (``apis/*/errors.py``); a test walks
tree × vendors, so a class added here without an answer in every dialect fails the suite.

The message is written for the person at the other end: what is wrong and what to do. It never carries transcript text,
audio or a key.
"""

from __future__ import annotations

from collections.abc import Iterator


class DragomanError(Exception):
    """Anything this server refuses or fails to do."""

    code: str = "internal_error"
    retryable: bool = False

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])

    @property
    def message(self) -> str:
        return str(self.args[0])


class InternalError(DragomanError):
    """The server failed. The log has the details under the request's id."""

    code = "internal_error"
    retryable = True


class WorkerLost(InternalError):
    """The recognition process died several times on this request and was replaced each time."""

    code = "worker_lost"


class InvalidRequest(DragomanError):
    """The request is not valid."""

    code = "invalid_request"

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        """Name of the offending field as the client wrote it, where one is to blame."""


class MissingField(InvalidRequest):
    """A required field is missing."""

    code = "missing_field"


class InvalidField(InvalidRequest):
    """A field has a value of the wrong type or outside its range."""

    code = "invalid_field"


class UnsupportedOption(InvalidRequest):
    """An option is known but cannot be honoured by this server as it is configured."""

    code = "unsupported_option"


class UnsupportedLanguage(InvalidRequest):
    """No installed model recognises this language."""

    code = "unsupported_language"


class UnknownModel(InvalidRequest):
    """No model or profile of this name is configured."""

    code = "unknown_model"


class Conflict(InvalidRequest):
    """Something has this name already, or is in use."""

    code = "conflict"


class LimitReached(InvalidRequest):
    """There are as many of these as this server keeps."""

    code = "limit_reached"


class InvalidAudio(DragomanError):
    """The audio cannot be used."""

    code = "invalid_audio"


class EmptyAudio(InvalidAudio):
    """The audio has no samples."""

    code = "empty_audio"


class UndecodableAudio(InvalidAudio):
    """The file is not audio, is damaged, or is in a format that cannot be decoded."""

    code = "undecodable_audio"


class UnsupportedAudio(InvalidAudio):
    """The audio can be read but has properties outside what is recognised (rate, channels)."""

    code = "unsupported_audio"


class NoSpeech(InvalidAudio):
    """The audio holds no speech. Only a dialect whose document makes this an error raises it."""

    code = "no_speech"


class AudioTooLong(InvalidAudio):
    """The audio is longer than this server accepts."""

    code = "audio_too_long"


class PayloadTooLarge(InvalidRequest):
    """The body is larger than this server accepts."""

    code = "payload_too_large"

    def __init__(self, message: str = "", *, field: str | None = None, size: int = 0, limit: int = 0) -> None:
        super().__init__(message, field=field)
        self.size = size
        """Bytes, as far as they are known: what the request says, or what had come when it became too much."""
        self.limit = limit


class IncompleteUpload(InvalidRequest):
    """The body ended before it was complete."""

    code = "incomplete_upload"


class NotFound(DragomanError):
    """There is no such resource."""

    code = "not_found"


class MethodNotAllowed(NotFound):
    """The resource does not know this method."""

    code = "method_not_allowed"


class AccessDenied(DragomanError):
    """A valid key is needed."""

    code = "access_denied"


class QuotaExceeded(AccessDenied):
    """The quota of this profile is used up."""

    code = "quota_exceeded"


class Unavailable(DragomanError):
    """The server cannot take this now. Try again later."""

    code = "unavailable"
    retryable = True
    retry_after_s: int = 2


class NoFreeInstance(Unavailable):
    """Every recogniser instance is busy."""

    code = "no_free_instance"


class StorageFull(Unavailable):
    """The server has no room to keep this. Try again later."""

    code = "storage_full"


class RateLimited(Unavailable):
    """This key has made too many requests. Try again later."""

    code = "rate_limited"

    def __init__(self, message: str = "", *, limit: int = 0, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.limit = limit
        """How many requests there may be in the time that the message names."""
        self.retry_after_s = retry_after_s


class EngineNotReady(Unavailable):
    """The recogniser is not ready."""

    code = "engine_not_ready"


class Cancelled(DragomanError):
    """The client left or cancelled; nobody waits for the result."""

    code = "cancelled"


def all_errors(root: type[DragomanError] = DragomanError) -> Iterator[type[DragomanError]]:
    """Every class of the tree, root first."""
    yield root
    for child in root.__subclasses__():
        yield from all_errors(child)


def by_code(code: str, message: str) -> DragomanError:
    """The error of this code, as it travels between processes; an unknown code is an ``InternalError``."""
    for cls in all_errors():
        if cls.code == code and cls is not DragomanError:
            return cls(message)
    return InternalError(message)
