"""Who says what on one channel of a live stream. It has no clock but the audio's."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.core.ports import SAMPLE_RATE, Diarizer
from dragoman.core.request import SpeakerRequest
from dragoman.core.speakers import assign
from dragoman.core.transcript import Segment

_AROUND_MS: Final = 1_000
"""Before an utterance, in which somebody may have begun to speak who speaks in it."""
_MOST_BEHIND: Final = 30 * SAMPLE_RATE
"""Samples. Where so much could not be heard for want of time, none of it is."""
_REMEMBER_EVERY_MS: Final = 10_000


class StreamSpeakers:
    """Takes audio that begins at ``start_ms`` of the stream, and gives words their speakers.

    ``remembered`` is what the one had last whose place it takes. Speakers are numbered from ``first`` on in steps of
    ``step``, in the order in which they said something.
    """

    def __init__(
        self,
        diarizer: Diarizer,
        request: SpeakerRequest,
        start_ms: int,
        remembered: bytes = b"",
        *,
        first: int = 0,
        step: int = 1,
    ) -> None:
        self._diarizer = diarizer
        self._count = request.count or 0
        self._first, self._step = first, step
        self._is_loaded = False
        self._last: int | None = None
        """Who spoke last."""
        self.remembered: bytes = remembered
        """What a replacement has to know to give the same people the same numbers: some kilobytes, not always new."""
        self._remembered_ms = start_ms
        self._begin(start_ms)

    @property
    def due_ms(self) -> int | None:
        """Up to where there is nothing left to hear, if there may be something since."""
        return None if self._heard == self._fed else self._start_ms + self._heard * 1000 // SAMPLE_RATE

    def feed(self, samples: npt.NDArray[np.float32]) -> None:
        """16 kHz."""
        if self._fed - self._heard > _MOST_BEHIND:
            self._begin(self._start_ms + self._fed * 1000 // SAMPLE_RATE)
        self._stream.feed(samples.data)
        self._fed += len(samples)

    def hear(self, to_ms: int = 0) -> bool:
        """As ``DiarizerStream.hear``; the first time the models are loaded. Raises ``EngineNotReady``."""
        if not self._is_loaded:
            self._diarizer.load()
            self._is_loaded = True
        elif not self._stream.hear(max(0, to_ms - self._start_ms)):
            self._heard = self._fed
            return False
        return True

    def told(self, segment: Segment) -> Segment:
        """With the speakers of its words, as far as they have been heard: who is not known is who spoke last.

        Segments come in the order of time."""
        since_ms = max(0, segment.start_ms - self._start_ms - _AROUND_MS)
        found = self._stream.so_far(self._count, since_ms=since_ms).foreground
        begin_ms = self._start_ms
        turns = [replace(turn, start_ms=begin_ms + turn.start_ms, end_ms=begin_ms + turn.end_ms) for turn in found]
        self._stream.forget(since_ms)
        known = len(self._numbers)
        words = []
        for word, speaker in zip(segment.words, assign(segment.words, turns), strict=True):
            if speaker is not None:
                number = self._numbers.setdefault(speaker, len(self._numbers))
                self._last = self._first + self._step * number
            words.append(replace(word, speaker=self._last))
        if len(self._numbers) > known or segment.end_ms >= self._remembered_ms + _REMEMBER_EVERY_MS:
            self._remembered_ms = segment.end_ms
            self._remember()
        return replace(segment, words=tuple(words))

    def _begin(self, start_ms: int) -> None:
        numbers, voices = array("H"), b""
        if self.remembered:
            size = array("H", self.remembered[:2])[0] * 2 + 2
            numbers.frombytes(self.remembered[2:size])
            voices = self.remembered[size:]
        self._numbers = {speaker: number for number, speaker in enumerate(numbers)}
        """Of the diarizer's speakers."""
        self._stream = self._diarizer.open(voices)
        self._start_ms = start_ms
        self._fed = 0
        """Samples."""
        self._heard = 0
        """Samples up to which there is nothing left to hear at present."""

    def _remember(self) -> None:
        numbers = array("H", [len(self._numbers), *self._numbers])
        self.remembered = numbers.tobytes() + self._stream.remembered()
