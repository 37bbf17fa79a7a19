"""How alike two strings of phones sound: edit distance whose costs come from how and where phones are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.language.phonemes import PHONEMES, Pronunciation, is_vowel

Costs = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.intp]

_PLACE: Final = {
    **dict.fromkeys(("P", "B", "M", "W"), 0.0),
    **dict.fromkeys(("F", "V"), 0.5),
    **dict.fromkeys(("TH", "DH"), 1.0),
    **dict.fromkeys(("T", "D", "S", "Z", "N", "L"), 1.5),
    **dict.fromkeys(("CH", "JH", "SH", "ZH", "R"), 2.0),
    **dict.fromkeys(("Y",), 2.5),
    **dict.fromkeys(("K", "G", "NG"), 3.0),
    **dict.fromkeys(("HH",), 4.0),
}
"""From the lips to the throat."""
_MANNER: Final = {
    **dict.fromkeys(("P", "B", "T", "D", "K", "G"), "stop"),
    **dict.fromkeys(("CH", "JH"), "affricate"),
    **dict.fromkeys(("F", "V", "TH", "DH", "S", "Z", "SH", "ZH", "HH"), "fricative"),
    **dict.fromkeys(("M", "N", "NG"), "nasal"),
    **dict.fromkeys(("L", "R", "W", "Y"), "glide"),
}
_NEAR_MANNERS: Final = {
    frozenset(("stop", "affricate")): 0.3,
    frozenset(("affricate", "fricative")): 0.3,
    frozenset(("stop", "fricative")): 0.5,
    frozenset(("stop", "nasal")): 0.6,
    frozenset(("nasal", "glide")): 0.6,
}
_OTHER_MANNER: Final = 0.8
_VOICELESS: Final = frozenset(("P", "T", "K", "CH", "F", "TH", "S", "SH", "HH"))
_VOWEL_PATHS: Final = {
    "IY": ((0.0, 0.0), (0.0, 0.0)),
    "IH": ((0.3, 0.25), (0.3, 0.25)),
    "EY": ((0.8, 0.1), (0.2, 0.1)),
    "EH": ((1.3, 0.3), (1.3, 0.3)),
    "AE": ((1.8, 0.4), (1.8, 0.4)),
    "AA": ((2.0, 1.4), (2.0, 1.4)),
    "AO": ((1.6, 1.8), (1.6, 1.8)),
    "OW": ((1.0, 1.6), (0.4, 1.8)),
    "UH": ((0.5, 1.4), (0.5, 1.4)),
    "UW": ((0.1, 1.6), (0.1, 1.8)),
    "AH": ((1.1, 1.0), (1.1, 1.0)),
    "ER": ((1.0, 0.9), (0.9, 0.8)),
    "AY": ((1.9, 1.0), (0.3, 0.3)),
    "AW": ((1.9, 1.0), (0.5, 1.6)),
    "OY": ((1.3, 1.7), (0.3, 0.3)),
}
"""Where the tongue is at the beginning and at the end: from high to low, from front to back."""
_ALIKE_ACROSS: Final = {
    frozenset(("ER", "R")): 0.3,
    frozenset(("AH", "R")): 0.7,
    frozenset(("AO", "R")): 0.7,
    frozenset(("IY", "Y")): 0.4,
    frozenset(("IH", "Y")): 0.6,
    frozenset(("UW", "W")): 0.4,
    frozenset(("OW", "W")): 0.6,
    frozenset(("UH", "W")): 0.6,
    frozenset(("OW", "L")): 0.6,
    frozenset(("AO", "L")): 0.7,
    frozenset(("UH", "L")): 0.6,
    frozenset(("AH", "L")): 0.7,
}
"""Vowels and consonants that pass into each other. All others are as unlike as can be."""
_UNLIKE: Final = 1.2
_LEFT_OUT: Final = {"AH": 0.45, "IH": 0.55, "HH": 0.5, "T": 0.55, "D": 0.55, "R": 0.6, "Y": 0.6}
"""What is easily swallowed or added."""
_LEFT_OUT_ELSE: Final = 0.8

_NUMBER: Final = {phone: number for number, phone in enumerate(PHONEMES)}


def substitution(a: str, b: str) -> float:
    """0 for the same phone, at most ``_UNLIKE``."""
    if a == b:
        return 0.0
    if is_vowel(a) != is_vowel(b):
        return _ALIKE_ACROSS.get(frozenset((a, b)), _UNLIKE)
    if is_vowel(a):
        apart = [
            float(np.hypot(p[0] - q[0], p[1] - q[1])) for p, q in zip(_VOWEL_PATHS[a], _VOWEL_PATHS[b], strict=True)
        ]
        cost = 0.15 + 0.45 * sum(apart) / 2
        if "AH" in (a, b):
            cost *= 0.75  # any vowel without stress
        return min(1.0, cost)
    one, other = _MANNER[a], _MANNER[b]
    manner = 0.0 if one == other else _NEAR_MANNERS.get(frozenset((one, other)), _OTHER_MANNER)
    voice = 0.2 if (a in _VOICELESS) != (b in _VOICELESS) else 0.0
    return min(1.0, 0.1 + voice + manner + 0.25 * abs(_PLACE[a] - _PLACE[b]))


def omission(phone: str) -> float:
    """The cost of a phone that has no counterpart in the other string."""
    return _LEFT_OUT.get(phone, _LEFT_OUT_ELSE)


_SUBSTITUTION: Final[Costs] = np.array([[substitution(a, b) for b in PHONEMES] for a in PHONEMES], np.float32)
_INDEL: Final[Costs] = np.array([omission(phone) for phone in PHONEMES], np.float32)


@lru_cache(maxsize=16_384)
def numbers(phones: Pronunciation) -> tuple[int, ...]:
    """Phones as numbers. Raises ``KeyError`` for what is no phone."""
    return tuple(_NUMBER[phone] for phone in phones)


Spoken = Sequence[Sequence[int]]
"""The ways to say a word, each a string of phone numbers."""


@dataclass(frozen=True, slots=True)
class Pronunciations:
    """Many strings of phones, to be compared with others all at once. Rows of a table, shorter ones filled up."""

    phones: Numbers
    """[n, longest]"""
    lengths: Numbers
    """[n]"""
    skipped: Costs
    """[n, longest + 1]: the cost of leaving out as many of the first phones as the column says."""

    @classmethod
    def of(cls, pronunciations: Iterable[Pronunciation]) -> Pronunciations:
        rows = [numbers(phones) for phones in pronunciations]
        longest = max(map(len, rows), default=0)
        phones = np.zeros((len(rows), longest), np.intp)
        for row, said in zip(phones, rows, strict=True):
            row[: len(said)] = said
        skipped = np.zeros((len(rows), longest + 1), np.float32)
        np.cumsum(_INDEL[phones], axis=1, out=skipped[:, 1:])
        return cls(phones, np.array([len(row) for row in rows], np.intp), skipped)

    def __len__(self) -> int:
        return len(self.lengths)

    def some(self, rows: Numbers) -> Pronunciations:
        longest = int(self.lengths[rows].max(initial=0))
        return Pronunciations(self.phones[rows, :longest], self.lengths[rows], self.skipped[rows, : longest + 1])

    def reversed(self) -> Pronunciations:
        """Each read backwards."""
        columns = np.arange(self.phones.shape[1])
        places = np.clip(self.lengths[:, None] - 1 - columns, 0, None)
        phones = np.take_along_axis(self.phones, places, axis=1)
        skipped = np.zeros_like(self.skipped)
        np.cumsum(_INDEL[phones], axis=1, out=skipped[:, 1:])
        return Pronunciations(phones, self.lengths, skipped)

    def after(self, costs: Costs, word: Spoken) -> Costs:
        """From the costs [n, longest + 1] of having heard so much of each pronunciation, those after one more word."""
        best = None
        for way in word:
            row = costs
            for phone in way:
                row = self._after_phone(row, phone)
            best = row if best is None else np.minimum(best, row)
        return costs if best is None else best

    def _after_phone(self, costs: Costs, phone: int) -> Costs:
        following: Costs = costs + _INDEL[phone]
        np.minimum(following[:, 1:], costs[:, :-1] + _SUBSTITUTION[phone].take(self.phones), out=following[:, 1:])
        # What is left out of the pronunciation, for any number of phones at once.
        following -= self.skipped
        np.minimum.accumulate(following, axis=1, out=following)
        following += self.skipped
        return following

    def total(self, costs: Costs) -> Costs:
        """[n]: the cost of having heard all of each."""
        whole: Costs = np.take_along_axis(costs, self.lengths[:, None], axis=1)[:, 0]
        return whole
