"""Letters as the lexicon knows them, and how words of more than one are written."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

GRAPHEMES: Final = (*"abcdefghijklmnopqrstuvwxyz", "'", "-", ".")
"""What the words of the English lexicon are written with; capitals are the same letters."""

WORD_SEPARATOR: Final = "+"
"""Between the words of one entry: ``new+york``."""

_UNLIKE: Final = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ħ": "h",
    "ı": "i",
    "ŋ": "ng",
    "’": "'",
    "‘": "'",
    "ʼ": "'",
    "`": "'",
}
"""Letters without a decomposition, and the apostrophes."""

_KEPT_WHOLE: Final = frozenset("½⅓⅔¼¾⅛⅜°")


def fold(text: str) -> tuple[str, list[int]]:
    """The text without accents and ligatures, case kept, and for each of its characters the place it came from.

    ``fold("Café")`` is ``("Cafe", [0, 1, 2, 3])``. Characters of other scripts stay as they are; marks vanish.
    """
    folded: list[str] = []
    origin: list[int] = []
    for place, character in enumerate(text):
        for part in _fold_one(character):
            folded.append(part)
            origin.append(place)
    return "".join(folded), origin


def _fold_one(character: str) -> str:
    if character.isascii() or character in _KEPT_WHOLE:
        return character
    plain = _UNLIKE.get(character.lower())
    if plain is not None:
        return plain if character.islower() else plain.upper()
    decomposed = unicodedata.normalize("NFKD", character)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


_SEPARATOR: Final = re.compile(r"(?<=[^+\s])\+(?=[^+\s])|\s+")


def words_of(spelling: str) -> list[str]:
    """The words of an entry, which stand apart by ``+`` or space. ``C++`` and ``+1`` are single words."""
    return [word for word in _SEPARATOR.split(spelling) if word]


def unsupported_graphemes(text: str) -> tuple[str, ...]:
    """The characters that are none of ``GRAPHEMES``, each once, in the order of the text."""
    return tuple(dict.fromkeys(character for character in text if character.lower() not in GRAPHEMES))
