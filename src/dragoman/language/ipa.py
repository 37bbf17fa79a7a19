"""The phones of English in the International Phonetic Alphabet, and back to ARPAbet.

Source: the IPA's chart, and the key of "Help:IPA/English" for which sign stands for which sound of English.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from dragoman.language.phonemes import Pronunciation

_SIGN_OF: Final = {
    "AA": "ɑ",
    "AE": "æ",
    "AH": "ʌ",
    "AO": "ɔ",
    "AW": "aʊ",
    "AY": "aɪ",
    "B": "b",
    "CH": "tʃ",
    "D": "d",
    "DH": "ð",
    "EH": "ɛ",
    "ER": "ɝ",
    "EY": "eɪ",
    "F": "f",
    "G": "ɡ",
    "HH": "h",
    "IH": "ɪ",
    "IY": "i",
    "JH": "dʒ",
    "K": "k",
    "L": "l",
    "M": "m",
    "N": "n",
    "NG": "ŋ",
    "OW": "oʊ",
    "OY": "ɔɪ",
    "P": "p",
    "R": "ɹ",
    "S": "s",
    "SH": "ʃ",
    "T": "t",
    "TH": "θ",
    "UH": "ʊ",
    "UW": "u",
    "V": "v",
    "W": "w",
    "Y": "j",
    "Z": "z",
    "ZH": "ʒ",
}
_PHONES_OF: Final[dict[str, Pronunciation]] = {sign: (phone,) for phone, sign in _SIGN_OF.items()} | {
    # The same sounds in other hands: British, simplified, and narrow transcriptions.
    "ə": ("AH",),
    "ɐ": ("AH",),
    "ɨ": ("IH",),
    "ᵻ": ("IH",),
    "ɒ": ("AA",),
    "a": ("AA",),
    "e": ("EH",),
    "ɜ": ("ER",),
    "ɚ": ("ER",),
    "əɹ": ("ER",),
    "ər": ("ER",),
    "ɜɹ": ("ER",),
    "ɜr": ("ER",),
    "ei": ("EY",),
    "ai": ("AY",),
    "au": ("AW",),
    "o": ("OW",),
    "ou": ("OW",),
    "əʊ": ("OW",),
    "oi": ("OY",),
    "oɪ": ("OY",),
    "ɔi": ("OY",),
    "g": ("G",),
    "r": ("R",),
    "ɻ": ("R",),
    "ɫ": ("L",),
    "ɾ": ("T",),
    "ʔ": ("T",),
    "ʍ": ("W",),
    "ʧ": ("CH",),
    "ʤ": ("JH",),
    "l̩": ("AH", "L"),
    "m̩": ("AH", "M"),
    "n̩": ("AH", "N"),
}
_LONGEST: Final = max(map(len, _PHONES_OF))
_NOT_SOUNDS: Final = frozenset("ˈˌ'ːˑ.|‖‿/[]ʰ̯̃")
"""Stress, length, syllables, brackets, and what English does not tell words apart by."""
_TIES: Final = str.maketrans(dict.fromkeys("\u0361\u035c\u200d"))


class UnsupportedSign(ValueError):
    """A sign stands for no sound of English; the message names it."""

    def __init__(self, sign: str) -> None:
        super().__init__(f"{sign!r} (U+{ord(sign[0]):04X}) is not a sound of English in the IPA.")
        self.sign = sign


def to_ipa(pronunciation: Pronunciation) -> str:
    """``"f ɹ eɪ z"`` for ``("F", "R", "EY", "Z")``."""
    return " ".join(_SIGN_OF[phone] for phone in pronunciation)


def from_ipa(text: str) -> Pronunciation:
    """The phones of a pronunciation, with spaces between its sounds or without; none for blank text.

    Of sounds that are not set apart the longest sign is read: ``eɪ`` is one vowel, ``e ɪ`` are two. Raises
    ``UnsupportedSign``.
    """
    phones: list[str] = []
    for group in unicodedata.normalize("NFD", text.translate(_TIES)).split():
        signs = "".join(sign for sign in group if sign not in _NOT_SOUNDS)
        while signs:
            length = next((n for n in range(_LONGEST, 0, -1) if signs[:n] in _PHONES_OF), 0)
            if not length:
                raise UnsupportedSign(signs[0])
            phones += _PHONES_OF[signs[:length]]
            signs = signs[length:]
    return tuple(phones)
