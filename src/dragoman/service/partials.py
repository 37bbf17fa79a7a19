"""What of a draft is shown, and which of its words have come to rest. Pure.

The end of a draft is made of sound that was cut off; words there come and go. How much of it to hold back, and for how
long, was measured: ``docs/decisions/0017-partials.md``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from dragoman.core.ports import Hypothesis, WordTimes

_SHOWN_AGE_MS: Final = 300
_SHOWN_DISTANCE_MS: Final = 300
_SHOWN_CONFIDENCE: Final = 0.5
_STABLE_AGE_MS: Final = 900
_STABLE_DISTANCE_MS: Final = 500
_NOT_SPOKEN: Final = re.compile(r"[^\w']+")


@dataclass(frozen=True, slots=True)
class Shown:
    """How many of a draft's first words are to be shown, and how many of those are stable."""

    words: int
    stable: int


@dataclass(frozen=True, slots=True)
class _Seen:
    word: str
    since_ms: int


class Agreement:
    """The drafts of one utterance, one after the other."""

    def __init__(self) -> None:
        self._seen: list[_Seen] = []
        self._stable = 0

    def update(self, hypothesis: Hypothesis, times: Sequence[WordTimes], audio_ms: int) -> Shown:
        """``times`` has one entry per word; ``audio_ms`` is the length of the utterance that the draft is of.

        A draft that does not begin with the words that are stable is passed over: none but those are shown.
        """
        words = [_NOT_SPOKEN.sub("", word.text.lower()) for word in hypothesis.words]
        if words[: self._stable] != [seen.word for seen in self._seen[: self._stable]]:
            return Shown(self._stable, self._stable)
        before = self._seen
        self._seen = [
            seen if seen is not None and seen.word == word else _Seen(word, audio_ms)
            for word, seen in zip_longest(words, before[: len(words)])
        ]
        shown = stable = self._stable
        for at in range(self._stable, len(words)):
            age_ms, distance_ms = audio_ms - self._seen[at].since_ms, audio_ms - times[at].end_ms
            confident = hypothesis.words[at].confidence >= _SHOWN_CONFIDENCE
            if age_ms < _SHOWN_AGE_MS and not (distance_ms >= _SHOWN_DISTANCE_MS and confident):
                break
            shown = at + 1
            if stable == at and age_ms >= _STABLE_AGE_MS and distance_ms >= _STABLE_DISTANCE_MS:
                stable = at + 1
        self._stable = stable
        return Shown(shown, stable)
