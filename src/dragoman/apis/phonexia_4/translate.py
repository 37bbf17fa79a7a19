"""The platform's words ↔ ours. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec import UNSET, Raw, UnsetType

from dragoman.apis.phonexia_4 import errors, wire
from dragoman.core.errors import (
    InternalError,
    InvalidField,
    MissingField,
    UnsupportedLanguage,
    UnsupportedOption,
    by_code,
)
from dragoman.core.jobs import Job, JobState
from dragoman.core.request import ChannelMode, ChannelSelection, RecognitionRequest, TimeDetail
from dragoman.core.transcript import Segment, Transcript
from dragoman.language.tags import iso_639_1
from dragoman.transport.form import Form

FIELDS: Final = frozenset({"file", "config"})
ENHANCED_FIELDS: Final = frozenset({"file"})
ENHANCED: Final = b"null"
"""The options of a task of the enhanced engine, which takes no vocabulary."""
_SWITCHING: Final = "enable_language_switching"
_PARAMETERS: Final = errors.PARAMETERS - {_SWITCHING}

_TAG: Final = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-x(?:-[a-z0-9]{1,8})+)?", re.ASCII | re.IGNORECASE
)
_CHANNELS: Final = re.compile(r"[0-9]{1,4}(?:,[0-9]{1,4})*", re.ASCII)
_TASK_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_LONGEST_ID: Final = 256
_LONGEST_NAME: Final = 255


def request(query: Form, profile: str, *, enhanced: bool = False) -> RecognitionRequest:
    """What the query asks one of the engines for, which is a profile of ours, every word with its times. Raises
    ``Invalid`` and ``InvalidRequest``'s children."""
    parameters = errors.PARAMETERS if enhanced else _PARAMETERS
    if unknown := [name for name in query.fields if name not in parameters]:
        message = f"There is no such parameter; known are {', '.join(sorted(parameters))}."
        raise errors.Invalid(*(wire.Detail(("query", name), message, "value.unsupported") for name in unknown))
    mode = query.choice("channel_mode", list(ChannelMode)) or ChannelMode.SPLIT
    if query.boolean(_SWITCHING, default=False):
        raise UnsupportedOption("This server does not look for another language in a recording.", field=_SWITCHING)
    tag = query.text("language")
    return RecognitionRequest(
        language=None if enhanced and tag is None else _language(tag),
        profile=profile,
        time_detail=TimeDetail.WORD,
        channels=ChannelSelection(ChannelMode(mode), _channels(query.text("channels") or "")),
    )


def _language(tag: str | None) -> str:
    """The language of a tag of RFC 5646: a model of it stands in for the region and for private use."""
    if tag is None:
        raise MissingField("Name the language with a tag of RFC 5646, such as en or en-GB.", field="language")
    if not (match := _TAG.fullmatch(tag)):
        raise InvalidField(
            "language must be a tag of RFC 5646 of language, region and private use, such as en, en-GB or en-x-calls.",
            field="language",
        )
    try:
        return iso_639_1(match["language"])
    except ValueError:
        raise UnsupportedLanguage(f"There is no model for the language {match['language']!r}.") from None


def _channels(text: str) -> tuple[int, ...]:
    if text and not _CHANNELS.fullmatch(text):
        raise InvalidField(
            "channels must be numbers from 0 with commas between them and no spaces, such as 0,2.", field="channels"
        )
    return tuple(dict.fromkeys(int(number) for number in text.split(",") if number))


def name(filename: str) -> str:
    """Of the job, for those who list them."""
    return "".join(filter(str.isprintable, filename))[:_LONGEST_NAME]


def task_id(text: str) -> str:
    """Raises ``Invalid`` for what is no UUID."""
    if not _TASK_ID.fullmatch(text):
        raise errors.Invalid(wire.Detail(("path", "task_id"), "The id of a task is a UUID.", "value.invalid"))
    return text.lower()


def client_id(header: str, given: str | None) -> str | None:
    """An id that the client made; ``None``: it made none. Raises ``Invalid``."""
    if not given:
        return None
    if len(given) > _LONGEST_ID or not given.isascii() or not given.isprintable():
        message = f"{header} must be at most {_LONGEST_ID} printable characters of ASCII."
        raise errors.Invalid(wire.Detail(("header", header), message, "value.invalid"))
    return given


def rate_headers(limit: int, remaining: int, reset_s: int) -> Mapping[str, str]:
    """``reset_s`` counts from 1970, UTC."""
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(reset_s),
    }


_STATES: Final[dict[JobState, wire.State]] = {
    JobState.QUEUED: "pending",
    JobState.RUNNING: "running",
    JobState.DONE: "done",
    JobState.REJECTED: "rejected",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "failed",
}
"""The document knows no cancelled task; of one that failed it says that the same again may succeed."""


def task(job: Job) -> wire.Task:
    return wire.Task(job.token, _STATES[job.state])


def is_enhanced(job: Job) -> bool:
    """Whether it is a task of the enhanced engine."""
    return job.options == ENHANCED


def polled(job: Job, transcript: Transcript | None) -> wire.Polled:
    """With the ``transcript`` of a job that is done."""
    said = wire.Polled(task(job))
    if transcript is not None:
        enhanced = is_enhanced(job)
        segments = [_segment(segment, transcript.language if enhanced else UNSET) for segment in transcript.segments]
        said.result = wire.Result(wire.OneBest(segments), UNSET if enhanced else Raw(job.options))
    elif job.state.is_final:
        said.error = _reason(job)
    return said


def _reason(job: Job) -> wire.Error:
    if job.remark is None:
        return errors.body(InternalError("The task was cancelled by the operator of the server. Start it again."))
    error = by_code(job.remark.code, job.remark.message)
    if type(error) is InvalidField:
        error.field = "channels"  # everything else was checked before the task was accepted
    return errors.body(error)


def _segment(segment: Segment, language: str | UnsetType) -> wire.Segment:
    return wire.Segment(
        channel_number=segment.channel,
        start_time=_seconds(segment.start_ms),
        end_time=_seconds(segment.end_ms),
        language=language,
        text=segment.text,
        words=[wire.Word(_seconds(word.start_ms), _seconds(word.end_ms), word.text) for word in segment.words],
    )


def _seconds(ms: int) -> float:
    return ms / 1000
