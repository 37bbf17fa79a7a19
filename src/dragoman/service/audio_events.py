"""What is heard besides speech on one channel of a recording: samples → events with times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.core.ports import SAMPLE_RATE, AudioTagger
from dragoman.core.transcript import AudioEvent

Floats = npt.NDArray[np.float32]

WINDOW: Final = 5 * SAMPLE_RATE
"""Samples that the tagger hears at once. Models that learnt from clips of ten seconds need some of that."""
HOP: Final = WINDOW // 2
"""Samples from one window to the next. Of each the middle counts: what is heard there has the same time around it."""
ENTER: Final = 0.5
"""An event begins where it is this likely, and nothing else is likelier."""
LEAVE: Final = 0.3
"""It goes on for as long as it is this likely."""


@dataclass(slots=True)
class _Open:
    """An event that goes on."""

    start_ms: int
    score: float


class AudioEventListener:
    """``feed`` it everything, then ask what it ``found``. It remembers less than three windows of samples."""

    def __init__(self, tagger: AudioTagger, channel: int) -> None:
        self._tagger = tagger
        self._channel = channel
        self._samples = np.empty(0, np.float32)
        """From the window before the next one on."""
        self._next = 0
        """Where in them the next window begins."""
        self._length = 0
        """Of all that was fed."""
        self._open: dict[str, _Open] = {}
        self._found: list[AudioEvent] = []

    def feed(self, samples: Floats) -> None:
        self._samples = np.concatenate([self._samples, samples])
        self._length += len(samples)
        while len(self._samples) >= self._next + WINDOW:
            self._hear(self._samples[self._next : self._next + WINDOW])
            self._samples = self._samples[self._next :].copy()
            self._next = HOP

    @property
    def held_samples(self) -> int:
        return len(self._samples)

    def found(self) -> tuple[AudioEvent, ...]:
        """In all of it; there is no more. In the order of time."""
        if len(self._samples) > self._next + WINDOW - HOP or (self._next == 0 and self._length):
            last = self._samples[-WINDOW:]
            self._hear(np.pad(last, (0, WINDOW - len(last))))
        for label in list(self._open):
            self._close(label, self._length * 1000 // SAMPLE_RATE)
        return tuple(sorted(self._found, key=lambda event: (event.start_ms, event.end_ms, event.label)))

    def _hear(self, window: Floats) -> None:
        """The next window."""
        begin = self._length - len(self._samples) + self._next
        from_ms = (begin + (WINDOW - HOP) // 2) * 1000 // SAMPLE_RATE if begin else 0
        heard = {tag.label: tag.probability for tag in self._tagger.tag(np.ascontiguousarray(window).data)}
        for label in list(self._open):
            if heard.get(label, 0.0) < LEAVE:
                self._close(label, from_ms)
            else:
                self._open[label].score = max(self._open[label].score, heard[label])
        likeliest = max(heard, key=heard.__getitem__, default="")
        if likeliest not in self._open and heard.get(likeliest, 0.0) >= ENTER:
            self._open[likeliest] = _Open(from_ms, heard[likeliest])

    def _close(self, label: str, end_ms: int) -> None:
        event = self._open.pop(label)
        self._found.append(AudioEvent(label, event.start_ms, end_ms, event.score, self._channel))
