"""The phones of English as Phonexia's clients write them (``p r I f @r d``), and back to ARPAbet."""

from __future__ import annotations

from typing import Final

from dragoman.language.phonemes import Pronunciation

_SYMBOL_OF: Final = {
    "AA": "A:",
    "AE": "{",
    "AH": "V",
    "AO": "O:",
    "AW": "aU",
    "AY": "aI",
    "B": "b",
    "CH": "tS",
    "D": "d",
    "DH": "D",
    "EH": "E",
    "ER": "@r",
    "EY": "eI",
    "F": "f",
    "G": "g",
    "HH": "h",
    "IH": "I",
    "IY": "i:",
    "JH": "dZ",
    "K": "k",
    "L": "l",
    "M": "m",
    "N": "n",
    "NG": "N",
    "OW": "@U",
    "OY": "OI",
    "P": "p",
    "R": "r",
    "S": "s",
    "SH": "S",
    "T": "t",
    "TH": "T",
    "UH": "U",
    "UW": "u:",
    "V": "v",
    "W": "w",
    "Y": "j",
    "Z": "z",
    "ZH": "Z",
}
_PHONE_OF: Final = {symbol: phone for phone, symbol in _SYMBOL_OF.items()} | {"@": "AH"}
"""The unstressed vowel may be written as such: the lexicon has one sign for it and for the stressed one."""

SYMBOLS: Final = tuple(sorted(_SYMBOL_OF.values(), key=lambda symbol: (symbol.lower(), symbol)))
"""Every symbol a pronunciation may be made of, as listed to clients."""

_LONGEST_SHOWN: Final = 20


class UnsupportedPhoneme(ValueError):
    """A symbol of a pronunciation is none of ``SYMBOLS``. The message names it, and what was probably meant."""

    def __init__(self, symbol: str) -> None:
        shown = symbol if len(symbol) <= _LONGEST_SHOWN else symbol[:_LONGEST_SHOWN] + "…"
        meant = _meant(symbol)
        advice = f"Write {' or '.join(meant)}." if meant else "Use the listed phonemes, with spaces between them."
        super().__init__(f"{shown!r} is not a supported phoneme. {advice}")
        self.symbol = symbol


def _meant(symbol: str) -> list[str]:
    """Supported symbols for one of ARPAbet, or one that lacks its length or its second half."""
    if phone := _SYMBOL_OF.get(symbol.upper().rstrip("012")):
        return [phone]
    return [other for other in SYMBOLS if len(other) == 2 and other[0] == symbol]


def to_phonexia(pronunciation: Pronunciation) -> str:
    """``"f r eI z"`` for ``("F", "R", "EY", "Z")``."""
    return " ".join(_SYMBOL_OF[phone] for phone in pronunciation)


def from_phonexia(text: str) -> Pronunciation:
    """The phones of a pronunciation whose symbols stand apart; none for blank text. Raises ``UnsupportedPhoneme``."""
    phones = []
    for symbol in text.split():
        if symbol not in _PHONE_OF:
            raise UnsupportedPhoneme(symbol)
        phones.append(_PHONE_OF[symbol])
    return tuple(phones)
