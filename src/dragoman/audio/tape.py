"""The last stretch of a live recording."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Tape:
    """Samples by their place since the beginning, those that are not forgotten; ``end`` is how many there were."""

    def __init__(self) -> None:
        self._pieces: deque[Floats] = deque()
        self._start = 0
        self.end: int = 0

    @property
    def held(self) -> int:
        """How many samples are kept at the moment."""
        return self.end - self._start

    def append(self, samples: Floats) -> None:
        self._pieces.append(samples)
        self.end += len(samples)

    def between(self, start: int, stop: int) -> Floats:
        """A copy, contiguous. Nothing in it may have been forgotten."""
        assert self._start <= start <= stop <= self.end
        found = []
        at = self._start
        for piece in self._pieces:
            if at + len(piece) > start:
                found.append(piece[max(0, start - at) : stop - at])
            at += len(piece)
            if at >= stop:
                break
        return np.concatenate([np.zeros(0, np.float32), *found])

    def forget(self, before: int) -> None:
        """Samples before this place are not needed any more."""
        while self._pieces and self._start + len(self._pieces[0]) <= before:
            self._start += len(self._pieces.popleft())
