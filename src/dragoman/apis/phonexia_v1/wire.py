"""Phonexia's JSON: every body is one ``result`` that names its version and kind."""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Body(Struct, Generic[T]):
    result: T


class Error(Struct, kw_only=True):
    version: int = 1
    name: str = "CloudErrorResult"
    message: str


class ChannelText(Struct):
    channel_id: int
    text: str


class Item(Struct):
    """A word, a silence, or the start or end of a segment. ``start`` and ``end`` in units of 100 ns; ``score`` is the
    natural logarithm of ``confidence``."""

    channel_id: int
    score: float
    confidence: float
    start: int
    end: int
    word: str


class Recognition(Struct, kw_only=True):
    version: int = 1
    name: str = "CloudSpeechRecognitionResult"
    file: str
    model: str
    transcription: list[ChannelText]
    confidence: float
    segmentation: list[Item]


class Model(Struct):
    name: str
    version: str
    n_total_instancies: int
    n_busy_instancies: int


class Technology(Struct):
    name: str
    models: list[Model]


class Technologies(Struct, kw_only=True):
    version: int = 1
    name: str = "CloudTechnologiesResult"
    technologies: list[Technology]
