"""Which of several hypotheses to believe, and which not to believe at all. Pure."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_MAX_ZLIB_RATIO: Final = 2.4
_MIN_TEXT_FOR_RATIO: Final = 40
_MIN_MEAN_LOG_PROBABILITY: Final = -1.0
_MAX_REPEATS: Final = {1: 7, 2: 5, 3: 4, 4: 4, 5: 4, 6: 3, 7: 3, 8: 3, 9: 3, 10: 3}
"""Length of a phrase in words → how often it may follow itself at most before it is a loop."""
_NOT_SPOKEN: Final = re.compile(r"[^\w']+")


@dataclass(frozen=True, slots=True)
class Scored:
    """A hypothesis as compared with others: its words in lower case without punctuation, and its log-probability."""

    words: tuple[str, ...]
    score: float


def spoken(word: str) -> str:
    """A word as compared: lower case, without punctuation. May be empty."""
    return _NOT_SPOKEN.sub("", word.lower())


def spoken_words(text: str) -> tuple[str, ...]:
    return tuple(word for word in map(spoken, text.split()) if word)


def least_expected_error(lists: Sequence[Sequence[Scored]], trusts: Sequence[float]) -> tuple[int, int]:
    """Several n-best lists of one audio → (list, place) of the hypothesis with the fewest expected word errors.

    Each list is a distribution over its hypotheses; ``trusts`` says how much each of the lists counts.
    """
    weighted: list[tuple[tuple[int, int], tuple[str, ...], float]] = []
    for number, (hypotheses, trust) in enumerate(zip(lists, trusts, strict=True)):
        top = max(h.score for h in hypotheses)
        total = sum(math.exp(h.score - top) for h in hypotheses)
        for place, h in enumerate(hypotheses):
            weighted.append(((number, place), h.words, trust * math.exp(h.score - top) / total))
    weighted.sort(key=lambda entry: -entry[2])
    best = (math.inf, (0, 0))
    for key, words, _ in weighted:
        expected = sum(weight * distance(words, other) for _, other, weight in weighted)
        best = min(best, (round(expected, 9), key), key=lambda pair: pair[0])
    return best[1]


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Word edit distance."""
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    a, b = a[start:], b[start:]
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]


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
