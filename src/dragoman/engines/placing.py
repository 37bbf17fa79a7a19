"""What the aligners of engines have in common: each says where words lie, in a way of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dragoman.core.ports import Samples, WordTimes
from dragoman.core.request import DictionaryWord
from dragoman.engines.even_times import spread

Floats = npt.NDArray[np.float32]


class PlacingAligner(Protocol):
    """An ``Aligner`` whose words lie at ``places``. It has nothing to load that its engine has not."""

    def load(self) -> None:
        """What there is belongs to the engine, and is loaded with it."""
        return

    @abstractmethod
    def places(self, audio: Floats, words: Sequence[str]) -> Sequence[tuple[int, int]]:
        """Where each word begins and ends, in milliseconds of the audio; there is at least one."""

    def align(
        self,
        samples: Samples,
        words: Sequence[str],
        *,
        characters: bool = False,
        known: Sequence[DictionaryWord] = (),
    ) -> tuple[WordTimes, ...]:
        """Characters share their word evenly."""
        if not words:
            return ()
        places = self.places(np.frombuffer(samples, np.float32), words)
        return tuple(
            WordTimes(start_ms, end_ms, spread(word, start_ms, end_ms) if characters else ())
            for word, (start_ms, end_ms) in zip(words, places, strict=True)
        )
