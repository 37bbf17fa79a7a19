"""Which audio to recognise nothing in, and which hypotheses not to believe, whatever the engine. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.core.ports import SAMPLE_RATE

_SHORTEST: Final = SAMPLE_RATE // 10
_MAX_ZLIB_RATIO: Final = 2.4
_MIN_TEXT_FOR_RATIO: Final = 40
_MIN_MEAN_LOG_PROBABILITY: Final = -1.0
_MAX_REPEATS: Final = {1: 7, 2: 5, 3: 4, 4: 4, 5: 4, 6: 3, 7: 3, 8: 3, 9: 3, 10: 3}
"""Length of a phrase in words → how often it may follow itself at most before it is a loop."""
_NOT_SPOKEN: Final = re.compile(r"[^\w']+")


def is_audible(audio: npt.NDArray[np.float32]) -> bool:
    """Whether there can be a word in it: a tenth of a second, and not of digital silence."""
    return len(audio) >= _SHORTEST and bool(audio.any())


def spoken(word: str) -> str:
    """A word as compared: lower case, without punctuation. May be empty."""
    return _NOT_SPOKEN.sub("", word.lower())


def spoken_words(text: str) -> tuple[str, ...]:
    return tuple(word for word in map(spoken, text.split()) if word)


def is_guess(mean_log_probability: float) -> bool:
    """Whether the model itself gives what it says next to no chance: it hears no words that it knows."""
    return mean_log_probability < _MIN_MEAN_LOG_PROBABILITY


def is_loop(text: str) -> bool:
    """Whether the text goes round in circles: the model has lost its place in the audio, and is sure of itself."""
    data = text.encode()
    if len(data) >= _MIN_TEXT_FOR_RATIO and len(data) / len(zlib.compress(data)) > _MAX_ZLIB_RATIO:
        return True
    words = spoken_words(text)
    return any(_repeats(words, length) > most for length, most in _MAX_REPEATS.items())


def _repeats(words: Sequence[str], length: int) -> int:
    """How often at most a phrase of so many words follows itself."""
    best = run = 0
    for word, later in zip(words, words[length:], strict=False):
        run = run + 1 if word == later else 0
        best = max(best, run)
    return best // length + 1
