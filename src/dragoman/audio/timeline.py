"""Where decoded frames lie in the submitted recording. Pure.

Frames are laid end to end. Silence is put between two of them only where the container's times say that something is
missing: sound that begins after the picture, a pause in which the recorder sent nothing, a packet that did not decode.
Times that cannot be meant, such as a jump of hours or a clock that starts again, are not believed: sound goes on.
"""

from __future__ import annotations

import math
from typing import Final

SHORTEST_GAP_S: Final = 0.015
"""Containers round times to milliseconds, and Ogg Vorbis is 10 ms off wherever blocks change size; this is above both
and below the 20 ms of a lost speech packet."""

LONGEST_GAP_S: Final = 600.0
"""A longer jump is a fault or another clock."""

LARGEST_OVERLAP_S: Final = 1.0
"""A clock that goes back by more than this has started again."""


class Timeline:
    """``start_s`` is when the recording as a whole begins, on the clock of the frames, and ``length_s`` how long its
    header says it is, each if it is known. No gap is believed that would make the recording longer than that.
    """

    def __init__(self, start_s: float | None = None, length_s: float | None = None) -> None:
        self._start_s = start_s
        self._length_s = math.inf if length_s is None else length_s
        self._origin_s: float | None = None
        self._expected_s = 0.0
        self._written_s = 0.0

    def silence_before(self, time_s: float | None, length_s: float, next_s: float | None = None) -> float:
        """Seconds of silence that belong before a frame, which starts at ``time_s`` and the one after it at ``next_s``.

        A jump is filled only as far as the sound written so far lags behind the clock, so times that jitter do not add
        up to silence, and not at all when the next frame takes it back: that is one damaged time.
        """
        if self._origin_s is None and time_s is not None:
            self._origin_s = time_s if self._start_s is None else min(time_s, max(self._start_s, 0.0))
            self._expected_s = self._origin_s
        gap_s = 0.0
        if time_s is None or self._origin_s is None or (next_s is not None and next_s < time_s):
            self._expected_s += length_s
        else:
            jump_s = time_s - self._expected_s
            longest_s = min(LONGEST_GAP_S, self._length_s - self._written_s)
            if jump_s > max(longest_s, SHORTEST_GAP_S) or jump_s < -LARGEST_OVERLAP_S:
                self._origin_s = time_s - self._written_s
            else:
                missing_s = min(jump_s, time_s - self._origin_s - self._written_s)
                gap_s = missing_s if missing_s >= SHORTEST_GAP_S else 0.0
            self._expected_s = time_s + length_s
        self._written_s += gap_s + length_s
        return gap_s
