"""The phones of English, in ARPAbet without stress: the set of CMUdict and of the acoustic model."""

from __future__ import annotations

from typing import Final

from dragoman.core.request import Pronunciation as Pronunciation

VOWELS: Final = frozenset(("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"))
CONSONANTS: Final = frozenset(
    (
        "B",
        "CH",
        "D",
        "DH",
        "F",
        "G",
        "HH",
        "JH",
        "K",
        "L",
        "M",
        "N",
        "NG",
        "P",
        "R",
        "S",
        "SH",
        "T",
        "TH",
        "V",
        "W",
        "Y",
        "Z",
        "ZH",
    )
)
PHONEMES: Final = tuple(sorted(VOWELS | CONSONANTS))


def is_phoneme(text: str) -> bool:
    return text in VOWELS or text in CONSONANTS


def is_vowel(phone: str) -> bool:
    return phone in VOWELS
