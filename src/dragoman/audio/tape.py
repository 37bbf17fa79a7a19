"""The last stretch of a live recording."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Pcm = npt.NDArray[np.int16]

_BYTES: Final = 2
_UNIT: Final = np.float32(2**-15)


class Tape:
    """Samples by their place since the beginning, those that are not forgotten; ``end`` is how many there were.

    They are kept with 16 bits, as most of them came, in one piece that grows at its end and shrinks at its beginning.
    """

    def __init__(self) -> None:
        self._kept = bytearray()
        self._start = 0
        self.end: int = 0

    @property
    def held(self) -> int:
        """How many samples are kept at the moment."""
        return self.end - self._start

    def append(self, samples: Pcm) -> None:
        self._kept += samples.data
        self.end += len(samples)

    def between(self, start: int, stop: int) -> Floats:
        """A copy, contiguous, -1 to 1. Nothing in it may have been forgotten."""
        assert self._start <= start <= stop <= self.end
        # Nothing may refer to the array that is shared with the bytes once this returns, or they could not grow.
        kept = np.frombuffer(self._kept, np.int16)[start - self._start : stop - self._start]
        return np.multiply(kept, _UNIT, dtype=np.float32)

    def forget(self, before: int) -> None:
        """Samples before this place are not needed any more."""
        if before > self._start:
            del self._kept[: (before - self._start) * _BYTES]
            self._start = before
