"""What of a draft is shown, and which of its words have come to rest. Pure.

The end of a draft is made of sound that was cut off, and a draft is made in a hurry: some of its words will not be in
the final. How likely each word is to be there is judged by how sure the recogniser is of it and of the words around
it, and by how long drafts have had it; the likely ones are shown. ``docs/decisions/0017-partials.md`` has the fit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from typing import Final

from dragoman.core.ports import Hypothesis, WordTimes

# Log-odds that a word will be in the final, from which on
_SHOWN: Final = 1.5
"""it is shown;"""
_SHOWN_IN_THE_END: Final = 0.0
"""it is shown although it is doubted, once drafts have had it for ``_PATIENCE_MS``: others wait behind it;"""
_FIRST: Final = -1.25
"""it is shown as the first word of its utterance: that somebody is heard matters more than what he says;"""
_STABLE: Final = 3.0
"""it stays."""
_PATIENCE_MS: Final = 1_000
_INTERCEPT: Final = -0.10
_OWN: Final = 0.63
_NEXT: Final = 0.22
_WEAKEST: Final = 0.20
_PER_SECOND: Final = 0.42
_NEW: Final = -0.49
_LONGEST_S: Final = 2.0
_LEAST: Final = 1e-4
_NOT_SPOKEN: Final = re.compile(r"[^\w']+")


@dataclass(frozen=True, slots=True)
class Shown:
    """How many of a draft's first words are to be shown, and how many of those are stable."""

    words: int
    stable: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """A word at its place, and how long the utterance was when it was first there."""

    word: str
    since_ms: int


class Agreement:
    """The drafts of one utterance, one after the other."""

    def __init__(self) -> None:
        self._seen: list[_Seen] = []
        self._stable = 0

    def update(self, hypothesis: Hypothesis, times: Sequence[WordTimes], audio_ms: int) -> Shown:
        """``audio_ms`` is the length of the utterance that the draft is of.

        A draft that does not begin with the words that are stable is passed over: none but those are shown.
        """
        words = [_NOT_SPOKEN.sub("", word.text.lower()) for word in hypothesis.words]
        if words[: self._stable] != [seen.word for seen in self._seen[: self._stable]]:
            return Shown(self._stable, self._stable)
        self._seen = [
            seen if seen is not None and seen.word == word else _Seen(word, audio_ms)
            for word, seen in zip_longest(words, self._seen[: len(words)])
        ]
        odds = self._odds_of_words(hypothesis, audio_ms)
        least = [_SHOWN_IN_THE_END if audio_ms - seen.since_ms >= _PATIENCE_MS else _SHOWN for seen in self._seen]
        shown = self._first_below(odds, least)
        if shown == 0 and odds and odds[0] >= _FIRST:
            shown = 1
        self._stable = min(shown, self._first_below(odds, [_STABLE] * len(odds)))
        return Shown(shown, self._stable)

    def _first_below(self, odds: Sequence[float], least: Sequence[float]) -> int:
        """The place of the first word, behind the stable ones, whose odds are less than they must be."""
        return next((at for at in range(self._stable, len(odds)) if odds[at] < least[at]), len(odds))

    def _odds_of_words(self, hypothesis: Hypothesis, audio_ms: int) -> list[float]:
        """The logarithm of each word's odds to be in the final."""
        own = [_log_odds(word.confidence) for word in hypothesis.words]
        return [
            _INTERCEPT
            + _OWN * sure
            + _NEXT * following
            + _WEAKEST * weakest
            + _PER_SECOND * min((audio_ms - seen.since_ms) / 1000, _LONGEST_S)
            + _NEW * (seen.since_ms == audio_ms)
            for (sure, following), weakest, seen in zip(
                zip_longest(own, own[1:], fillvalue=0.0), accumulate(own, min), self._seen, strict=True
            )
        ]


def _log_odds(probability: float) -> float:
    p = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(p / (1 - p))
