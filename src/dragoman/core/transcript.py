"""What was said and when, in our words.

Times are integer milliseconds of the submitted audio. Text is as the model gives it: cased and punctuated.
"""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.core.spacing import joined


@dataclass(frozen=True, slots=True)
class Character:
    """One character of a word. ``0 <= start_ms <= end_ms``, inside the word."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class LanguageScore:
    """How likely it is, 0 to 1, that a language is spoken; ISO 639-1."""

    language: str
    score: float


@dataclass(frozen=True, slots=True)
class Word:
    """One word as displayed, punctuation attached (``"Hello,"``).

    ``confidence`` is the calibrated probability, 0 to 1, that the word is right. ``characters`` is filled only when
    character times were asked for; their texts join to ``text``. ``speaker`` counts from 0 in the order in which
    people begin to speak; ``None`` where speakers were not told apart. In a live stream of two channels those of the
    first are even, those of the second odd. Partials have no speakers.
    """

    text: str
    start_ms: int
    end_ms: int
    confidence: float
    characters: tuple[Character, ...] = ()
    speaker: int | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech on one channel, at most about fifteen seconds.

    ``index`` numbers the segments of one request in the order of the recording and never repeats. ``words`` is empty
    when only segment times were asked for; otherwise its texts ``joined`` are ``text``. ``languages``, the most
    likely first, is filled only where the language was to be found out, and has been. Where speakers were told apart,
    all words of a segment are one person's, but for live streams: there a segment is an utterance, whoever says it.
    """

    index: int
    channel: int
    start_ms: int
    end_ms: int
    text: str
    confidence: float
    words: tuple[Word, ...] = ()
    languages: tuple[LanguageScore, ...] = ()

    @property
    def speaker(self) -> int | None:
        """Who says its first word."""
        return self.words[0].speaker if self.words else None


@dataclass(frozen=True, slots=True)
class Turn:
    """One person speaks on a channel. Turns of several people may overlap. ``speaker`` numbers those of one channel,
    from 0."""

    start_ms: int
    end_ms: int
    speaker: int
    channel: int = 0


@dataclass(frozen=True, slots=True)
class SpeakerChange:
    """Another person than before speaks on a channel from here on."""

    at_ms: int
    channel: int = 0


@dataclass(frozen=True, slots=True)
class AudioEvent:
    """Something other than speech is heard on a channel. ``label`` is the model's word for it (``"Laughter"``),
    ``score`` how likely it is where it is likeliest, 0 to 1."""

    label: str
    start_ms: int
    end_ms: int
    score: float
    channel: int = 0


@dataclass(frozen=True, slots=True)
class Transcript:
    """The whole recording. ``channels`` are the recognised channel numbers; a mix is channel 0. ``changes`` lie at the
    starts of words, in the order of time; none where they were not asked for. ``audio_events`` are in the order of time
    too; none where they were not asked for, or no model for them is installed."""

    language: str
    model: str
    duration_ms: int
    channels: tuple[int, ...]
    segments: tuple[Segment, ...]
    changes: tuple[SpeakerChange, ...] = ()
    audio_events: tuple[AudioEvent, ...] = ()

    @property
    def languages(self) -> tuple[LanguageScore, ...]:
        """Which language it was found to be in, the most likely first; none where it was not to be found out."""
        return next((segment.languages for segment in self.segments if segment.languages), ())

    @property
    def text(self) -> str:
        """All segments in the order of time, with spaces where the language has them."""
        return joined(segment.text for segment in self.segments)

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)

    def channel(self, channel: int) -> tuple[Segment, ...]:
        """The segments of one channel."""
        return tuple(segment for segment in self.segments if segment.channel == channel)
