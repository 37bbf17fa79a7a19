"""What of a draft is shown, and which of its words have come to rest. Pure.

The end of a draft is made of sound that was cut off, and a draft is made in a hurry: some of its words will not be in
the final. How likely each word is to be there is judged by how sure the recogniser is of it and of the next word, and
by how long drafts have had it. The text is shown up to where that gains most: a likely word gains a little, a doubted
one costs, and a few likely ones make up for a doubted one before them. What was shown and is still there stays.
``docs/decisions/0017-partials.md`` has the fit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import accumulate
from typing import Final

from dragoman.core.ports import Hypothesis

# Chance of a word to be in the final, from which on
_SHOWN: Final = 0.85
"""it is a gain to show it, if it is new;"""
_FIRST: Final = 0.22
"""it is shown as the first word of its utterance: that somebody is heard matters more than what he says;"""
_STABLE: Final = 0.96
"""it is a gain to say that it stays, once a second draft has it."""
_WAITED: Final = 0.08
"""What a word gains with each second, up to ``_LONGEST_S``, in which drafts have had it: others wait behind it."""
_INTERCEPT: Final = -0.17
_OWN: Final = 0.84
_NEXT: Final = 0.23
_PER_SECOND: Final = 0.40
_NEW: Final = -0.38
_LONGEST_S: Final = 2.0
_LEAST: Final = 1e-4
_NOT_SPOKEN: Final = re.compile(r"[^\w']+")
_HYPHENS: Final = re.compile(r"[-\u2010-\u2015]")


@dataclass(frozen=True, slots=True)
class Shown:
    """How many of a draft's first words are to be shown, and how many of those are stable."""

    words: int
    stable: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """A word of the last draft. ``parts`` are what is between its hyphens, as they are compared."""

    parts: tuple[str, ...]
    since_ms: int
    """How long the utterance was when drafts had it first."""
    shown: bool = False


class Agreement:
    """The drafts of one utterance, one after the other."""

    def __init__(self) -> None:
        self._seen: list[_Seen] = []
        self._stable = 0

    def update(self, hypothesis: Hypothesis, audio_ms: int) -> Shown:
        """``audio_ms`` is the length of the utterance that the draft is of.

        A draft that does not begin with the words that are stable is passed over: none but those are shown.
        """
        words = [_parts(word.text) for word in hypothesis.words]
        stable = self._seen[: self._stable]
        if words[: self._stable] != [seen.parts for seen in stable]:
            return Shown(self._stable, self._stable)
        self._seen = [*stable, *_found_again(self._seen[self._stable :], words[self._stable :], audio_ms)]
        ages_s = [min((audio_ms - seen.since_ms) / 1000, _LONGEST_S) for seen in self._seen]
        chances = _chances(hypothesis, ages_s)
        still_shown = max((at + 1 for at, seen in enumerate(self._seen) if seen.shown), default=0)
        gains = [chance - _SHOWN + _WAITED * age_s for chance, age_s in zip(chances, ages_s, strict=True)]
        shown = _most_gained(gains, still_shown)
        if shown == 0 and chances and chances[0] >= _FIRST:
            shown = 1
        gains = [(chance if age_s else 0.0) - _STABLE for chance, age_s in zip(chances, ages_s, strict=True)]
        self._stable = _most_gained(gains[:shown], self._stable)
        self._seen = [_Seen(seen.parts, seen.since_ms, at < shown) for at, seen in enumerate(self._seen)]
        return Shown(shown, self._stable)


def _chances(hypothesis: Hypothesis, ages_s: Sequence[float]) -> list[float]:
    """Each word's chance to be in the final."""
    own = [_log_odds(word.confidence) for word in hypothesis.words]
    return [
        _chance(_INTERCEPT + _OWN * sure + _NEXT * following + (_PER_SECOND * age_s if age_s else _NEW))
        for sure, following, age_s in zip(own, [*own[1:], 0.0], ages_s, strict=False)
    ]


@lru_cache(maxsize=10_000)
def _parts(word: str) -> tuple[str, ...]:
    return tuple(_NOT_SPOKEN.sub("", part) for part in _HYPHENS.split(word.lower()))


def _found_again(before: Sequence[_Seen], words: Sequence[tuple[str, ...]], audio_ms: int) -> list[_Seen]:
    """The words, each with its history if all of its parts were in the draft before in the same order."""
    owners = [seen for seen in before for _ in seen.parts]
    old, new = [part for seen in before for part in seen.parts], [part for parts in words for part in parts]
    origins: list[_Seen | None] = [*owners, *[None] * (len(new) - len(old))]
    if new[: len(old)] != old:
        origins = [None] * len(new)
        for there, here, count in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
            origins[here : here + count] = owners[there : there + count]
    found = []
    for parts, stop in zip(words, accumulate(map(len, words)), strict=True):
        of_parts = [seen for seen in origins[stop - len(parts) : stop] if seen is not None]
        if len(of_parts) == len(parts):
            found.append(_Seen(parts, max(s.since_ms for s in of_parts), all(s.shown for s in of_parts)))
        else:
            found.append(_Seen(parts, audio_ms))
    return found


def _most_gained(gains: Sequence[float], start: int) -> int:
    """Where to stop, from ``start`` on, so that the sum of what is gained and lost is greatest."""
    sums = list(accumulate(gains[start:], initial=0.0))
    return start + max(range(len(sums)), key=lambda at: (sums[at], at))


def _chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _log_odds(probability: float) -> float:
    p = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(p / (1 - p))
