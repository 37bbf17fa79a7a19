"""OpenAI's JSON."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class Usage(Struct, kw_only=True):
    """``seconds`` is the length of the recording, rounded up."""

    type: Literal["duration"] = "duration"
    seconds: int


class Language(Struct):
    """ISO 639-1."""

    code: str


class Transcription(Struct):
    text: str
    usage: Usage
    languages: list[Language] | UnsetType = UNSET


class Word(Struct):
    word: str
    start: float
    end: float


class Segment(Struct):
    """``start`` and ``end`` in seconds, ``seek`` in hundredths of a second."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class VerboseTranscription(Struct, kw_only=True):
    task: Literal["transcribe"] = "transcribe"
    language: str
    duration: float
    text: str
    words: list[Word] | UnsetType = UNSET
    segments: list[Segment] | UnsetType = UNSET
    usage: Usage


class DiarizedSegment(Struct, kw_only=True):
    """``start`` and ``end`` in seconds."""

    type: Literal["transcript.text.segment"] = "transcript.text.segment"
    id: str
    start: float
    end: float
    text: str
    speaker: str


class DiarizedTranscription(Struct, kw_only=True):
    task: Literal["transcribe"] = "transcribe"
    duration: float
    text: str
    segments: list[DiarizedSegment]
    usage: Usage


class TextDelta(Struct, kw_only=True):
    type: Literal["transcript.text.delta"] = "transcript.text.delta"
    delta: str


class TextDone(Struct, kw_only=True):
    type: Literal["transcript.text.done"] = "transcript.text.done"
    text: str
    languages: list[Language] | UnsetType = UNSET


class Model(Struct, kw_only=True):
    object: Literal["model"] = "model"
    id: str
    created: int
    owned_by: str


class ModelList(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[Model]


class Error(Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(Struct):
    error: Error
