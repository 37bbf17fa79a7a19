"""OpenAI's JSON."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class Usage(Struct):
    """``seconds`` is the length of the recording, rounded up."""

    seconds: int
    type: Literal["duration"] = "duration"


class Transcription(Struct):
    text: str
    usage: Usage


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


class VerboseTranscription(Struct):
    language: str
    duration: float
    text: str
    usage: Usage
    words: list[Word] | UnsetType = UNSET
    segments: list[Segment] | UnsetType = UNSET
    task: Literal["transcribe"] = "transcribe"


class TextDelta(Struct):
    delta: str
    type: Literal["transcript.text.delta"] = "transcript.text.delta"


class TextDone(Struct):
    text: str
    type: Literal["transcript.text.done"] = "transcript.text.done"


class Model(Struct):
    id: str
    created: int
    owned_by: str
    object: Literal["model"] = "model"


class ModelList(Struct):
    data: list[Model]
    object: Literal["list"] = "list"


class Error(Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(Struct):
    error: Error
