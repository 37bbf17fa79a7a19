"""What a recognition reports while it runs. A closed vocabulary: match it exhaustively.

A file reports ``Opened`` once, then any number of ``Progress`` and ``Final``, once ``SpeakersFound`` if speakers were
asked for, once ``AudioEventsFound`` if audio events were and can be found, then ``Finished`` once.

A live stream reports its segments one after the other, then ``Finished`` once: of a segment ``SpeechStarted``, any
number of ``Partial``, one ``Final`` unless nothing was said after all, ``SpeechEnded``.

A ``Final`` is immutable and sent once.
"""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.core.transcript import AudioEvent, Segment, SpeakerChange, Turn


@dataclass(frozen=True, slots=True)
class Opened:
    """The media could be opened. ``duration_ms`` is what its header claims, ``None`` if it does not say."""

    duration_ms: int | None
    channels: tuple[int, ...]
    """The channels that will be recognised; a mix is channel 0."""


@dataclass(frozen=True, slots=True)
class Progress:
    """All audio before ``done_ms`` has been dealt with."""

    done_ms: int


@dataclass(frozen=True, slots=True)
class Final:
    """One segment, never to change."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class SpeakersFound:
    """Who spoke when in the whole recording, one at a time, or only where that changed, as the request has it."""

    turns: tuple[Turn, ...] = ()
    changes: tuple[SpeakerChange, ...] = ()


@dataclass(frozen=True, slots=True)
class AudioEventsFound:
    """What is heard in the whole recording besides speech."""

    events: tuple[AudioEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of the audio, with its true length."""

    duration_ms: int
    language: str
    model: str


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody has begun to speak: segment ``index`` is open."""

    index: int
    channel: int
    start_ms: int


@dataclass(frozen=True, slots=True)
class Partial:
    """What an open segment says so far; the next one of the same index replaces it.

    The first ``stable_words`` words have come to rest: later partials begin with the same ones. The final may still
    know better.
    """

    segment: Segment
    stable_words: int = 0


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """Segment ``index`` is closed. Without a ``Final`` before it, its partials were noise and are void."""

    index: int
    channel: int
    end_ms: int


RecognitionEvent = Opened | Progress | Final | SpeakersFound | AudioEventsFound | Finished
"""Of a file."""

SpeechEvent = SpeechStarted | Partial | Final | SpeechEnded | Finished
"""Of a live stream."""
