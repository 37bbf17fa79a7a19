"""Turns of speakers, and whose each word is. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from dragoman.core.transcript import Word


@dataclass(frozen=True, slots=True)
class Turn:
    """``speaker`` speaks from ``start_ms`` to ``end_ms``. Turns of different speakers may overlap."""

    start_ms: int
    end_ms: int
    speaker: int


def assign(words: Sequence[Word], turns: Sequence[Turn]) -> tuple[int | None, ...]:
    """Who says each word: the speaker whose turns cover most of it; if several do, the one of the word before, else who
    began first. A word outside all turns goes to the nearest. ``None`` only where there are no turns.
    """
    ordered = sorted(turns, key=lambda turn: (turn.start_ms, turn.end_ms, turn.speaker))
    if not ordered:
        return (None,) * len(words)
    starts = [turn.start_ms for turn in ordered]
    latest = list(accumulate((turn.end_ms for turn in ordered), max))
    speakers: list[int] = []
    for word in words:
        # All turns that touch the word lie between: later ones begin after it, none before has lasted until it.
        first, after = bisect_left(latest, word.start_ms), bisect_right(starts, word.end_ms)
        covered: dict[int, int] = {}
        for turn in ordered[first:after]:
            common = min(turn.end_ms, word.end_ms) - max(turn.start_ms, word.start_ms)
            if common >= 0:
                covered[turn.speaker] = covered.get(turn.speaker, 0) + common
        if not covered:
            before = [_last(ordered, latest, first)] if first else []
            nearest = min(before + ordered[after : after + 1], key=lambda turn: _gap(word, turn))
            covered = {nearest.speaker: 0}
        most = max(covered.values())
        equal = [speaker for speaker, common in covered.items() if common == most]
        speakers.append(speakers[-1] if speakers and speakers[-1] in equal else equal[0])
    return tuple(speakers)


def _last(ordered: Sequence[Turn], latest: Sequence[int], first: int) -> Turn:
    """Of the turns before ``first``, the one that ends last."""
    return ordered[bisect_left(latest, latest[first - 1], 0, first)]


def _gap(word: Word, turn: Turn) -> int:
    return max(turn.start_ms - word.end_ms, word.start_ms - turn.end_ms)
