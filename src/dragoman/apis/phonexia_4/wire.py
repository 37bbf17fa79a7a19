"""The platform's JSON, as its documents show it."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Raw, Struct, UnsetType

State = Literal["pending", "running", "rejected", "failed", "done"]


class Detail(Struct, frozen=True):
    """One thing that is wrong, and where: ``("body", "config", "additional_words", 0, "spelling")``."""

    location: tuple[str | int, ...]
    message: str
    type: str
    context: dict[str, str | int] = {}


class Error(Struct):
    """The same for a request and for a task."""

    type: str
    message: str
    detail: tuple[Detail, ...]


class Task(Struct):
    task_id: str
    state: State


class Accepted(Struct):
    task: Task


class Word(Struct):
    """``start_time`` and ``end_time`` in seconds."""

    start_time: float
    end_time: float
    text: str


class Segment(Struct, kw_only=True):
    """Only the enhanced engine says the ``language``."""

    channel_number: int
    start_time: float
    end_time: float
    language: str | UnsetType = UNSET
    text: str
    words: list[Word]


class OneBest(Struct):
    segments: list[Segment]


class Pronunciation(Struct):
    pronunciation: str
    out_of_vocabulary: bool


class AdditionalWord(Struct):
    spelling: str
    pronunciations: list[Pronunciation]


class Result(Struct):
    one_best: OneBest
    additional_words: Raw | UnsetType = UNSET
    """A list of ``AdditionalWord``, encoded when the task was started; not of the enhanced engine."""


class Polled(Struct):
    """``result`` is there when the task is done, ``error`` when it has ended without one."""

    task: Task
    result: Result | UnsetType = UNSET
    error: Error | UnsetType = UNSET
