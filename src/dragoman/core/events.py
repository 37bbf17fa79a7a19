"""What a recognition reports while it runs. A closed vocabulary: match it exhaustively.

A file reports ``Opened`` once, then any number of ``Progress`` and ``Final``, then ``Finished`` once. A ``Final`` is
immutable and sent once.
"""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.core.transcript import Segment


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
class Finished:
    """The end of the audio, with its true length."""

    duration_ms: int
    language: str
    model: str


RecognitionEvent = Opened | Progress | Final | Finished
