"""Where the utterances of live speech begin and end. Pure, on the clock of the audio.

Time is counted in frames of 32 ms. An utterance ends when a pause has lasted; the longer the utterance, the shorter
the pause that is enough, so that few are cut inside speech. Where the numbers come from:
``docs/decisions/0018-endpointing.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

FRAME_MS: Final = 32

_ENTER: Final = 0.5
_LEAVE: Final = 0.35
"""Speech probabilities, as for files."""
_SHORTEST_SPEECH: Final = 3
"""Frames of speech in a row that begin an utterance. Fewer are a click or a breath, for which models have words too."""
_BEFORE: Final = 12
"""Frames before speech that belong to its utterance, as far as they are not the previous one's."""
_AFTER: Final = 6
"""Frames after speech that belong to its utterance; a pause of as many is reported."""
_SHORTEST_PAUSE: Final = 5
_SHRINKS: Final = (0.4, 0.9)
"""Parts of the longest utterance between which the pause that ends one shrinks to the shortest."""
_CUT_WITHIN: Final = 0.06
"""The last part of an utterance, in which it is cut if it has no pause; so much later at most its final comes."""


@dataclass(frozen=True, slots=True)
class EndpointingRule:
    """What ends an utterance: a pause of ``trailing_silence_ms``, or at the latest being ``longest_ms`` long."""

    trailing_silence_ms: int = 420
    longest_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class Started:
    """Speech has begun with frame ``speech``; its utterance begins with frame ``start``."""

    start: int
    speech: int


@dataclass(frozen=True, slots=True)
class Paused:
    """If this pause lasts, the utterance goes up to frame ``stop``, which is there already."""

    stop: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """The pause did not last."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The utterance goes up to frame ``stop``. Where speech was cut, the next one begins right there, at once."""

    stop: int


Boundary = Started | Paused | Resumed | Ended
"""Of one utterance after the other: ``Started``, any number of ``Paused`` and ``Resumed`` in turn, ``Ended``."""


class Endpointer:
    """One channel of audio. What it says depends on nothing but the frames; its memory holds one utterance of them."""

    def __init__(self, rule: EndpointingRule) -> None:
        self._longest = rule.longest_ms // FRAME_MS
        self._pause = max(1, round(rule.trailing_silence_ms / FRAME_MS))
        self.frame: int = 0
        """How many frames were taken."""
        self._heard = 0
        """Frames of speech in a row, while no utterance is open."""
        self._start: int | None = None
        """Of the open utterance."""
        self._speech_stop = 0
        self._paused = False
        self._costs: list[float] = []
        """What it would cost to cut in a frame, for the frames of the open utterance."""
        self._previous_stop = 0

    @property
    def earliest(self) -> int:
        """The frame before which neither the open utterance nor one that is still to come begins."""
        if self._start is None:
            return max(self._previous_stop, self.frame - self._heard - _BEFORE)
        return self._start

    def take(self, probability: float, level: float) -> list[Boundary]:
        """The next frame: how likely it holds speech, and its root mean square, 0 to 1."""
        boundaries: list[Boundary] = []
        self.frame += 1
        if self._start is None:
            self._heard = self._heard + 1 if probability >= (_LEAVE if self._heard else _ENTER) else 0
            if self._heard < _SHORTEST_SPEECH:
                return boundaries
            self._start = self.earliest
            boundaries.append(Started(self._start, self.frame - self._heard))
            self._costs = [0.0] * (self.frame - 1 - self._start)
            self._heard = 0
        self._costs.append(probability + math.log10(level + 1e-5) / 2)
        if probability >= _LEAVE:
            self._speech_stop = self.frame
            if self._paused:
                self._paused = False
                boundaries.append(Resumed())
            if self._is_full(self._start):
                boundaries += self._cut(self._start)
        else:
            boundaries += self._wait(self._start)
        return boundaries

    def finish(self) -> Ended | None:
        """The audio is over, and with it the open utterance."""
        return None if self._start is None else self._end()

    def _is_full(self, start: int) -> bool:
        return self.frame + 1 - start >= self._longest

    def _wait(self, start: int) -> list[Boundary]:
        """A frame of silence in an utterance."""
        pause = self.frame - self._speech_stop
        if pause >= self._pause_after(self._speech_stop - start) or self._is_full(start):
            return [self._end()]
        if pause == _AFTER:
            self._paused = True
            return [Paused(self.frame)]
        return []

    def _pause_after(self, length: int) -> int:
        """How long a pause has to be to end an utterance of this length."""
        first, last = (part * self._longest for part in _SHRINKS)
        progress = min(1.0, max(0.0, (length - first) / (last - first)))
        return min(self._pause, round(self._pause + progress * (_SHORTEST_PAUSE - self._pause)))

    def _end(self) -> Ended:
        stop = min(self._speech_stop + _AFTER, self.frame)
        self._start = None
        self._paused = False
        self._previous_stop = stop
        return Ended(stop)

    def _cut(self, start: int) -> list[Boundary]:
        """Speech that does not pause ends at its quietest place, between two frames, and goes on from there."""
        costs = self._costs
        within = range(len(costs) - int(self._longest * _CUT_WITHIN), len(costs))
        place = min(within, key=lambda frame: costs[frame - 1] + costs[frame])
        cut = start + place
        self._costs = costs[place:]
        self._start = self._previous_stop = cut
        return [Ended(cut), Started(cut, cut)]
