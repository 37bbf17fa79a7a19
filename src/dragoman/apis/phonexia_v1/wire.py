"""Phonexia's JSON: every body is one ``result`` that names its version and kind."""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType, field

T = TypeVar("T")


class Body(Struct, Generic[T]):
    result: T


class Error(Struct, kw_only=True):
    version: int = 1
    name: str = "CloudErrorResult"
    message: str


class Phrase(Struct, forbid_unknown_fields=True):
    phrase: str


class Pronunciation(Struct, forbid_unknown_fields=True):
    """A client may send back what it was told of a pronunciation; only the phonemes count."""

    phonemes: str
    out_of_vocabulary: bool = True
    word_class: str = field(name="class", default="")
    warning_message: str = ""


class Word(Struct, forbid_unknown_fields=True):
    word: str
    pronunciations: list[Pronunciation] | None = None


class Preferred(Struct, forbid_unknown_fields=True):
    """What a client sends. Both are optional, one is needed."""

    phrases: list[Phrase] | UnsetType = UNSET
    dictionary: list[Word] | UnsetType = UNSET


class CheckedWord(Struct):
    word: str
    pronunciations: list[Pronunciation]


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
    phrases: list[Phrase] | UnsetType = UNSET
    dictionary: list[CheckedWord] | UnsetType = UNSET


class StreamOpened(Struct, kw_only=True):
    version: int = 1
    name: str = "CloudHttpInputStreamTaskResult"
    stream_id: str


class StreamRecognition(Struct, kw_only=True):
    """All that a stream has said so far. What will not change any more is encoded already."""

    version: int = 1
    name: str = "CloudSpeechRecognitionStreamResult"
    task_id: str
    stream_id: str
    model: str
    is_last: bool
    transcription: Raw
    """A list of one ``ChannelText``."""
    segmentation: Raw
    """A list of ``Item``."""
    phrases: list[Phrase] | UnsetType = UNSET
    dictionary: list[CheckedWord] | UnsetType = UNSET


class Message(Struct, kw_only=True):
    """What the server says over a WebSocket. ``status`` is ``connected``, ``result`` or ``error``."""

    status: str
    error: str = ""
    result: StreamRecognition | dict[str, str] = {}


class Graphemes(Struct, kw_only=True):
    version: int = 1
    name: str = "CloudGraphemesListResult"
    graphemes: tuple[str, ...]
    word_separator: str


class Phonemes(Struct, kw_only=True):
    version: int = 1
    name: str = "CloudPhonemesListResult"
    phonemes: tuple[str, ...]


class Class(Struct):
    name: str


class Classes(Struct, kw_only=True):
    version: int = 1
    name: str = "CloudSpeechRecognitionClassesResult"
    classes: list[Class]


class CheckedDictionary(Struct, kw_only=True):
    version: int = 1
    name: str = "CloudSpeechToTextCheckDictionaryResult"
    dictionary: list[CheckedWord]


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
