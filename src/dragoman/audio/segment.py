"""Speech probabilities → segments of speech, each short enough for one call of the engine. Pure, streaming.

Speech is entered at probability 0.5 and left after 0.3 s below 0.35. Islands of speech are joined across gaps of up to
2 s while they fit into one segment; speech that does not pause is cut at the quietest place in the second half.
Every segment is padded by 0.4 s, at most half the gap to its neighbour. Where the numbers come from:
``docs/decisions/0011-voice-activity.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.audio.vad import FRAME

Floats = npt.NDArray[np.float32]

_RATE: Final = 16_000
_ENTER: Final = 0.5
_LEAVE: Final = 0.35
_CLOSE: Final = round(0.3 * _RATE / FRAME)
"""Frames of silence that end an island."""
_PAD: Final = int(0.4 * _RATE)
_JOIN: Final = 2 * _RATE


@dataclass(frozen=True, slots=True, eq=False)
class SpeechSegment:
    """``samples`` are 16 kHz mono; the times are those of the submitted audio."""

    start_ms: int
    end_ms: int
    samples: Floats


@dataclass(slots=True)
class _Span:
    """Samples from ``start`` up to ``stop``, counted from the beginning of the audio."""

    start: int
    stop: int


class Segmenter:
    """One channel of audio. Memory stays below about two segments, however long the audio is."""

    def __init__(self, max_segment_ms: int = 15_000) -> None:
        self._longest = max_segment_ms * _RATE // 1000
        self._audio: Floats = np.zeros(0, np.float32)
        self._audio_start = 0
        self._probabilities: list[float] = []
        """Those of the frames from ``_first_frame`` on."""
        self._first_frame = 0
        self._frame = 0
        self._speech_start: int | None = None
        self._last_speech = 0
        self._group: _Span | None = None
        self._previous_stop: int | None = None
        """Where the last segment's speech ended: half the gap from there belongs to it."""

    def feed(self, samples: Floats, probabilities: Floats) -> list[SpeechSegment]:
        """More audio and the probabilities of the frames it completed → the segments that are now certain."""
        self._audio = np.concatenate([self._audio, samples])
        segments: list[SpeechSegment] = []
        for probability in probabilities.tolist():
            self._probabilities.append(probability)
            self._take(probability, segments)
        self._forget()
        return segments

    def finish(self) -> list[SpeechSegment]:
        """The audio is over."""
        segments: list[SpeechSegment] = []
        if self._speech_start is not None:
            self._close_island(self._end, segments)
        self._flush(None, segments)
        return segments

    @property
    def held_samples(self) -> int:
        """How much audio is kept at the moment."""
        return len(self._audio)

    @property
    def settled_ms(self) -> int:
        """No segment that is still to come begins before this."""
        starts = [self._frame * FRAME if self._speech_start is None else self._speech_start]
        if self._group is not None:
            starts.append(self._group.start)
        return max(0, min(starts) - _PAD) * 1000 // _RATE

    @property
    def _end(self) -> int:
        return self._audio_start + len(self._audio)

    def _take(self, probability: float, segments: list[SpeechSegment]) -> None:
        frame = self._frame
        self._frame += 1
        if self._speech_start is None:
            if probability >= _ENTER:
                self._speech_start = frame * FRAME
                self._last_speech = frame
            elif self._group is not None and frame * FRAME - self._group.stop > _JOIN:
                self._flush(None, segments)
            return
        if probability >= _LEAVE:
            self._last_speech = frame
        elif frame - self._last_speech >= _CLOSE:
            self._close_island((self._last_speech + 1) * FRAME, segments)
            return
        if (frame + 1) * FRAME - self._speech_start >= self._longest:
            self._cut_island(segments)

    def _close_island(self, stop: int, segments: list[SpeechSegment]) -> None:
        assert self._speech_start is not None
        self._join(_Span(self._speech_start, stop), segments)
        self._speech_start = None

    def _cut_island(self, segments: list[SpeechSegment]) -> None:
        """The island has reached the longest segment: end it at the quietest frame of its second half."""
        assert self._speech_start is not None
        middle = (self._speech_start + self._longest // 2) // FRAME
        frames = range(middle, self._frame - 1)
        cut = (min(frames, key=self._loudness) + 1) * FRAME - FRAME // 2
        self._join(_Span(self._speech_start, cut), segments)
        self._flush(cut, segments)
        self._speech_start = cut

    def _loudness(self, frame: int) -> float:
        """How much a cut in this frame would hurt: its speech probability and the energy around it."""
        at = frame * FRAME - self._audio_start
        around = self._audio[max(0, at - FRAME // 2) : at + FRAME + FRAME // 2]
        level = float(np.sqrt(np.mean(around * around)))
        return self._probabilities[frame - self._first_frame] + math.log10(level + 1e-5) / 2

    def _join(self, island: _Span, segments: list[SpeechSegment]) -> None:
        group = self._group
        if group is not None:
            if island.start - group.stop <= _JOIN and island.stop - group.start <= self._longest:
                group.stop = island.stop
                return
            self._flush(island.start, segments)
        self._group = island

    def _flush(self, next_start: int | None, segments: list[SpeechSegment]) -> None:
        """The group is complete; the next speech begins at ``next_start``, if that is known."""
        group = self._group
        if group is None:
            return
        self._group = None
        before = _PAD if self._previous_stop is None else min(_PAD, (group.start - self._previous_stop) // 2)
        after = _PAD if next_start is None else min(_PAD, (next_start - group.stop) // 2)
        start = max(0, group.start - before)
        stop = min(self._end, group.stop + after)
        self._previous_stop = group.stop
        samples = self._audio[start - self._audio_start : stop - self._audio_start].copy()
        segments.append(SpeechSegment(start * 1000 // _RATE, stop * 1000 // _RATE, samples))

    def _forget(self) -> None:
        """Drop the audio and probabilities that no segment can need any more."""
        needed = self._frame * FRAME
        if self._speech_start is not None:
            needed = self._speech_start
        if self._group is not None:
            needed = min(needed, self._group.start)
        keep = max(self._audio_start, (needed - _PAD) // FRAME * FRAME)
        self._audio = self._audio[keep - self._audio_start :]
        del self._probabilities[: keep // FRAME - self._first_frame]
        self._audio_start, self._first_frame = keep, keep // FRAME
