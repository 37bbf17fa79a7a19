"""Which of several hypotheses to believe. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scored:
    """A hypothesis as compared with others: its words in lower case without punctuation, and its log-probability."""

    words: tuple[str, ...]
    score: float


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
