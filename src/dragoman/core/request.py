"""What a client asks for, in our words. Every dialect translates into it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class TimeDetail(StrEnum):
    """How finely times are wanted. Finer costs more: word times need a forced alignment of every segment."""

    SEGMENT = "segment"
    WORD = "word"
    CHARACTER = "character"


class ChannelMode(StrEnum):
    """Channels are mixed into one, or each is recognised by itself."""

    MIX = "mix"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class ChannelSelection:
    """Which channels to recognise. ``only`` names a subset by number (0-based); empty means all of them. ``count`` is
    how many the recording has to have, ``None``: any."""

    mode: ChannelMode = ChannelMode.MIX
    only: tuple[int, ...] = ()
    count: int | None = None

    @classmethod
    def parse(cls, text: str) -> ChannelSelection:
        """``mix``, ``split``, or channel numbers such as ``0,1``. Raises ``ValueError`` on anything else."""
        if text == ChannelMode.MIX:
            return cls(ChannelMode.MIX)
        if text == ChannelMode.SPLIT:
            return cls(ChannelMode.SPLIT)
        parts = text.split(",")
        if not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
            raise ValueError(f"channels must be mix, split, or numbers such as 0,1; not {text!r}")
        return cls(ChannelMode.SPLIT, tuple(dict.fromkeys(int(part) for part in parts)))


MOST_STREAM_CHANNELS: Final = 2
"""Of a live stream, each recognised by itself."""


class AudioEncoding(StrEnum):
    """How a live stream's audio is written. PCM is signed, 16 bits, little-endian, its channels interleaved."""

    PCM = "pcm"
    OGG_OPUS = "ogg-opus"
    FLAC = "flac"

    def decoded_rate(self, rate: int) -> int:
        """The sampling rate in which the places of a stream are counted, when the client says ``rate``: Opus has none
        of its own and is always decoded at 48,000.
        """
        return 48_000 if self is AudioEncoding.OGG_OPUS else rate


Pronunciation = tuple[str, ...]
"""Phones, one after the other; for English those of ARPAbet without stress."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One or several words that are likely to be said. ``$name`` in it stands for any member of that word class.

    ``weight`` multiplies how much the phrase is preferred: 1 is the engine's own measure, 0 nothing.
    """

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class DictionaryWord:
    """A word that the recogniser may not know, and how it sounds.

    Without ``pronunciations`` and ``sounds_like`` (respellings in the language's ordinary letters) it sounds as it is
    spelt. ``display`` is what the transcript shows, ``None``: the spelling.
    """

    spelling: str
    pronunciations: tuple[Pronunciation, ...] = ()
    sounds_like: tuple[str, ...] = ()
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the client knows of the words that will be said. Checked: whoever makes one leaves out what is not valid."""

    phrases: tuple[Phrase, ...] = ()
    words: tuple[DictionaryWord, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.phrases or self.words)


@dataclass(frozen=True, slots=True)
class LanguageOption:
    """A language that may be spoken, ISO 639-1, and what the client knows of the words if it is."""

    language: str
    vocabulary: Vocabulary = Vocabulary()


@dataclass(frozen=True, slots=True)
class LanguageChoice:
    """Which of several languages is spoken is to be found out: once, or with ``changing``, of live streams only, for
    every utterance anew. The first one is taken until it is known. Without options: any that is installed."""

    options: tuple[LanguageOption, ...] = ()
    changing: bool = False


class SpeakerMode(StrEnum):
    """People are told apart, or only found is where another one begins to speak."""

    IDENTITY = "identity"
    CHANGES = "changes"


MOST_SPEAKERS: Final = 20
"""That a client may say there are."""


@dataclass(frozen=True, slots=True)
class SpeakerRequest:
    """``count`` is how many people speak on each channel, as far as the client knows. ``sensitivity`` is that to
    changes, 0 to 1: the higher, the more of them."""

    mode: SpeakerMode = SpeakerMode.IDENTITY
    count: int | None = None
    sensitivity: float = 0.4


@dataclass(frozen=True, slots=True)
class RecognitionRequest:
    """One recognition. ``language`` is an ISO 639-1 code, or ``None`` for the profile's own language.

    ``profile`` names a recogniser configuration (model and effort), see the setting ``profiles``. With ``choice``
    the language comes from there, and the vocabulary where the options have one. ``speakers`` needs the times of words,
    which are found even if only those of segments were asked for; in live streams there is only ``IDENTITY``.
    ``audio_events``, of files only, are found where a model for them is installed.
    """

    language: str | None = None
    time_detail: TimeDetail = TimeDetail.WORD
    channels: ChannelSelection = ChannelSelection()
    profile: str = "default"
    vocabulary: Vocabulary = Vocabulary()
    choice: LanguageChoice | None = None
    speakers: SpeakerRequest | None = None
    audio_events: bool = False

    @property
    def stream_instances(self) -> int:
        """What each channel of a live stream holds of those that there are. To hear voices costs about as much as to
        recognise what they say (``docs/decisions/0038-live-speakers.md``)."""
        return 1 if self.speakers is None else 2
