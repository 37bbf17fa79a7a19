"""Times for what nobody knows the times of: shared out by length. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from dragoman.core.transcript import Character


def share_out(words: Sequence[str], duration_ms: int) -> list[int]:
    """Where the words begin that fill the audio, and where the last one ends."""
    shares = list(accumulate(map(len, words), initial=0))
    return [duration_ms * share // max(1, shares[-1]) for share in shares]


def spread(word: str, start_ms: int, end_ms: int) -> tuple[Character, ...]:
    """The characters of a word, which share it evenly."""
    edges = [start_ms + (end_ms - start_ms) * position // max(1, len(word)) for position in range(len(word) + 1)]
    return tuple(Character(c, edges[position], edges[position + 1]) for position, c in enumerate(word))
