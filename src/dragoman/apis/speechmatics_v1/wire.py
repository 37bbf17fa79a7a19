"""Speechmatics's JSON, as the document and the published V1 clients show it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

Ratio = Annotated[float, Meta(ge=0, le=1)]
Locale = Literal["en-GB", "en-US", "en-AU"]
OperatingPoint = Literal["standard", "enhanced"]
Diarization = Literal["none", "speaker", "channel", "speaker_change", "channel_and_speaker_change"]
MOST_WORDS = 1_000
"""In the custom dictionary of a job."""


class CustomWord(Struct, frozen=True, forbid_unknown_fields=True):
    content: str
    sounds_like: list[str] | None = None


class PunctuationOverrides(Struct, frozen=True, forbid_unknown_fields=True):
    permitted_marks: list[str] | None = None
    sensitivity: Ratio | None = None


class TranscriptionConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """``null`` is what is not there."""

    language: str | None = None
    operating_point: OperatingPoint | None = None
    output_locale: Locale | None = None
    diarization: Diarization | None = None
    channel_diarization_labels: list[str] | None = None
    speaker_change_sensitivity: Ratio | None = None
    additional_vocab: Annotated[list[str | CustomWord], Meta(max_length=MOST_WORDS)] | None = None
    punctuation_overrides: PunctuationOverrides | None = None


class JobConfig(Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["transcription"]
    transcription_config: TranscriptionConfig | None = None


class SentConfig(Struct, frozen=True):
    """The same as it was written."""

    transcription_config: Raw = Raw(b"{}")


class Submitted(Struct):
    id: int
    check_wait: int
    balance: int = 0
    cost: int = 0


class Trouble(Struct):
    """Why a job has no transcript; clients of version 2 know it."""

    timestamp: str
    message: str


class Job(Struct, kw_only=True):
    """``created_at`` is of RFC 1123, ``next_check`` a Unix time or 0, ``duration`` in seconds."""

    id: int
    name: str
    user_id: int
    lang: str
    job_type: Literal["transcription"] = "transcription"
    job_status: str
    created_at: str
    duration: int | None
    check_wait: int | None
    next_check: int
    meta: str | None
    notification: str
    transcription: str | None
    url: str
    status: str | UnsetType = UNSET
    errors: list[Trouble] | UnsetType = UNSET
    warnings: list[str] | UnsetType = UNSET


class OneJob(Struct):
    job: Job


class Jobs(Struct):
    jobs: list[Job]


class JobOfTranscript(Struct, kw_only=True):
    """``created_at`` in the form of C's ``asctime``."""

    created_at: str
    duration: int
    id: int
    lang: str
    meta: str | UnsetType = UNSET
    name: str
    user_id: int


class Span(Struct, kw_only=True):
    """A word, a mark of punctuation or a turn. Numbers are decimal strings: seconds to the microsecond, confidence to
    three places."""

    confidence: str | None
    duration: str
    name: str
    time: str


class Transcript(Struct, kw_only=True):
    format: Literal["1.0"] = "1.0"
    job: JobOfTranscript
    speakers: list[Span]
    words: list[Span]


class Alternative(Struct, kw_only=True):
    confidence: float
    content: str
    language: str
    speaker: str


class Result(Struct, kw_only=True):
    """``start_time`` and ``end_time`` in seconds. Only punctuation has ``attaches_to`` and ``is_eos``; a change of the
    speaker has no ``alternatives``."""

    channel: str | UnsetType = UNSET
    start_time: float
    end_time: float
    type: Literal["word", "punctuation", "speaker_change"]
    alternatives: list[Alternative]
    attaches_to: Literal["previous", "next", "none"] | UnsetType = UNSET
    is_eos: bool | UnsetType = UNSET


class Metadata(Struct, kw_only=True):
    created_at: str
    transcription_config: Raw
    type: Literal["transcription"] = "transcription"


class TranscriptV2(Struct, kw_only=True):
    format: Literal["2.4"] = "2.4"
    job: JobOfTranscript
    metadata: Metadata
    results: list[Result]


class Error(Struct, omit_defaults=True):
    code: int
    error: str
    detail: str = ""
