"""What a speaker says for a written word: ``$3.50,`` is "three dollars fifty", ``U.S.`` two letters, ``—`` nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice, product
from typing import Final

from dragoman.core.request import DictionaryWord
from dragoman.language.g2p import G2P
from dragoman.language.graphemes import fold
from dragoman.language.lexicon import Lexicon
from dragoman.language.numbers import readings as number_readings
from dragoman.language.phonemes import Pronunciation


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word to be said for the characters ``start:end`` of the written one, by any of its pronunciations.

    ``letters`` are these characters as the lexicon spells them; empty when they do not spell the word ("2018").
    """

    start: int
    end: int
    letters: str
    pronunciations: tuple[Pronunciation, ...]


Reading = tuple[SpokenWord, ...]
"""One way to say a part of a written word; never empty."""
Alternatives = tuple[Reading, ...]
"""All ways to say it, the likeliest first."""


_LETTER_NAMES: Final[dict[str, tuple[Pronunciation, ...]]] = {
    "a": (("EY",),),
    "b": (("B", "IY"),),
    "c": (("S", "IY"),),
    "d": (("D", "IY"),),
    "e": (("IY",),),
    "f": (("EH", "F"),),
    "g": (("JH", "IY"),),
    "h": (("EY", "CH"),),
    "i": (("AY",),),
    "j": (("JH", "EY"),),
    "k": (("K", "EY"),),
    "l": (("EH", "L"),),
    "m": (("EH", "M"),),
    "n": (("EH", "N"),),
    "o": (("OW",),),
    "p": (("P", "IY"),),
    "q": (("K", "Y", "UW"),),
    "r": (("AA", "R"),),
    "s": (("EH", "S"),),
    "t": (("T", "IY"),),
    "u": (("Y", "UW"),),
    "v": (("V", "IY"),),
    "w": (("D", "AH", "B", "AH", "L", "Y", "UW"), ("D", "AH", "B", "Y", "UW")),
    "x": (("EH", "K", "S"),),
    "y": (("W", "AY"),),
    "z": (("Z", "IY"), ("Z", "EH", "D")),
}
_SYMBOLS: Final = {
    "&": ("and",),
    "+": ("plus",),
    "@": ("at",),
    "%": ("percent",),
    "=": ("equals",),
    "#": ("hash", "number"),
    "°": ("degrees", "degree"),
    "$": ("dollars", "dollar"),
    "£": ("pounds", "pound"),
    "€": ("euros", "euro"),
}
_SHORT_FOR: Final = {
    "ave": ("avenue",),
    "cm": ("centimeters", "centimeter"),
    "co": ("company",),
    "dept": ("department",),
    "ft": ("feet", "foot"),
    "gb": ("gigabytes", "gigabyte"),
    "ghz": ("gigahertz",),
    "govt": ("government",),
    "hr": ("hour",),
    "hrs": ("hours",),
    "inc": ("incorporated",),
    "jan": ("january",),
    "kg": ("kilograms", "kilogram", "kilos"),
    "khz": ("kilohertz",),
    "km": ("kilometers", "kilometer"),
    "lb": ("pound", "pounds"),
    "lbs": ("pounds",),
    "mb": ("megabytes", "megabyte"),
    "mg": ("milligrams", "milligram"),
    "mhz": ("megahertz",),
    "min": ("minute", "minutes"),
    "ml": ("milliliters", "milliliter"),
    "mm": ("millimeters", "millimeter"),
    "no": ("number",),
    "oz": ("ounces", "ounce"),
    "prof": ("professor",),
    "rev": ("reverend",),
    "sec": ("seconds", "second"),
    "tb": ("terabytes", "terabyte"),
    "vs": ("versus",),
}
"""What an abbreviation may stand for, besides being said as it is written."""

_DIGITS = r"(?:\d[\d,.:/–-]*)?(?:\d[½⅓⅔¼¾⅛⅜]?|[½⅓⅔¼¾⅛⅜])"
_SUFFIX = r"[%°¢€£]|(?:bn|mn|tn|[kmb]|st|nd|rd|th|'?s|[ap]\.?m\.?)(?![a-z])"
_PARTS: Final = re.compile(
    rf"(?P<number>(?:(?<![a-z\d])[#+−-])?[$£€¥₹]?{_DIGITS}(?:{_SUFFIX})?)"
    r"|(?P<initials>(?:[a-z]\.)+[a-z]?(?![a-z]))"
    r"|(?P<letters>[a-z']*[a-z][a-z']*)"
    rf"|(?P<symbol>[{re.escape(''.join(_SYMBOLS))}])"
    r"|(?P<dot>(?<=[a-z\d])\.(?=[a-z]{2}))",
    re.IGNORECASE | re.ASCII,
)
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONGEST = 400
"""Characters of a written word that are read at all."""
_MOST_PRONUNCIATIONS = 4
_MOST_WAYS = 6
"""To say a whole written word, its parts combined."""


class Speech:
    """Finds the spoken forms of written words, with the lexicon first and letter-to-sound rules for the rest."""

    def __init__(self, lexicon: Lexicon, g2p: G2P) -> None:
        self._lexicon = lexicon
        self._g2p = g2p
        self.said = lru_cache(maxsize=16_384)(self._said)
        self.ways = lru_cache(maxsize=16_384)(self._ways)

    def _said(self, word: str) -> tuple[Alternatives, ...]:
        """The parts of a written word that are said, in order; none for a word that is silent."""
        text, origin = fold(word[:_LONGEST])
        parts = []
        for part in _PARTS.finditer(text):
            readings = self._readings(part, origin)
            if readings:
                parts.append(tuple(dict.fromkeys(readings)))
        return tuple(parts)

    def _ways(self, text: str) -> tuple[Pronunciation, ...]:
        """The phones of one or several written words, in the likeliest of all ways to say them; none when silent."""
        parts = [
            [way for reading in alternatives for way in joined(said.pronunciations for said in reading)]
            for word in text.split()
            for alternatives in self.said(word)
        ]
        return joined(parts) if parts else ()

    def pronunciations_of(self, entry: DictionaryWord) -> tuple[Pronunciation, ...]:
        """What the client says of its word, or else how it sounds as it is spelt."""
        respelt = entry.sounds_like or (() if entry.pronunciations else (entry.spelling,))
        return tuple(dict.fromkeys((*entry.pronunciations, *chain(*map(self.ways, respelt)))))

    def _readings(self, part: re.Match[str], origin: list[int]) -> list[Reading]:
        text, start = part[0], part.start()
        span = origin[start], origin[part.end() - 1] + 1
        match part.lastgroup:
            case "number":
                return self._number(text, span)
            case "initials":
                return [self._spelt(text, start, origin)]
            case "letters":
                return self._word(text, start, origin)
            case "symbol":
                return [(self._name(name, span),) for name in _SYMBOLS[text]]
            case _:
                return [(self._name("dot", span),)]

    def _number(self, text: str, span: tuple[int, int]) -> list[Reading]:
        """As a whole if it is a number of a known form, or else its runs of digits one after the other."""
        forms = number_readings(text) or number_readings(text.strip(".,:/-–−"))
        if not forms:
            runs = [number_readings(run) or [list("0")] for run in re.findall(r"\d{1,40}", text)]
            forms = [[word for run in runs for word in run[0]]]
        return [tuple(self._name(word, span) for word in form) for form in forms if form]

    def _name(self, word: str, span: tuple[int, int]) -> SpokenWord:
        """A word that the characters of the span stand for; one letter is said by its name."""
        if len(word) == 1 and word != "a":
            return SpokenWord(*span, "", _LETTER_NAMES[word])
        return SpokenWord(*span, "", self.pronunciations(word))

    def _spelt(self, text: str, start: int, origin: list[int]) -> Reading:
        """Letter by letter."""
        return tuple(
            SpokenWord(origin[start + i], origin[start + i] + 1, letter, _LETTER_NAMES[letter])
            for i, letter in enumerate(text.lower())
            if letter in _LETTER_NAMES
        )

    def _word(self, text: str, start: int, origin: list[int]) -> list[Reading]:
        """A run of letters: a word, an abbreviation, initials, or a name put together with capitals ("YouTube")."""
        bare = text.strip("'")
        if text.lower() not in self._lexicon:
            start += text.index(bare)
            text = bare
        lower = text.lower()
        span = origin[start], origin[start + len(text) - 1] + 1
        known = lower in self._lexicon
        if not known and (plural := re.fullmatch(r"([A-Z]{2,5})'?s", text)):
            *head, last = self._spelt(plural[1], start, origin)
            return [(*head, SpokenWord(last.start, span[1], "", _with_s(last.pronunciations)))]
        if not known and (parts := _CAMEL.split(text)) and len(parts) > 1:
            words: list[SpokenWord] = []
            for part in parts:
                words += self._word(part, start, origin)[0]
                start += len(part)
            return [tuple(words)]
        readings: list[Reading] = []
        if pronunciations := self.pronunciations(lower):
            readings.append((SpokenWord(*span, lower, pronunciations),))
        may_be_initials = 2 <= len(text) <= 5 and text.isupper()
        unsayable = not known and not re.search("[aeiouy]", lower)
        if (may_be_initials or unsayable) and "'" not in text:
            readings.append(self._spelt(text, start, origin))
        return readings + [(self._name(word, span),) for word in _SHORT_FOR.get(lower, ())]

    def pronunciations(self, word: str) -> tuple[Pronunciation, ...]:
        """Of a lower-case word: as listed, as its stem with an "s", or by its letters. None for one without letters."""
        known = self._lexicon.pronunciations(word)
        if not known and word.endswith(("'s", "s'")):
            stem = self._lexicon.pronunciations(word[:-2]) or (self._g2p.pronounce(word[:-2]),)
            known = _with_s(stem) if all(stem) else ()
        if not known and word.endswith("s") and (stem := self._lexicon.pronunciations(word[:-1])):
            known = _with_s(stem)
        if not known and (guess := self._g2p.pronounce(word)):
            known = (guess,)
        return known[:_MOST_PRONUNCIATIONS]


def joined(parts: Iterable[Iterable[Pronunciation]]) -> tuple[Pronunciation, ...]:
    """The likeliest ways to say parts one after the other, each of which may be said in several ways.

    Bounded: there are far more combinations than atoms where each of a hundred letters has two names.
    """
    return tuple(dict.fromkeys(tuple(chain(*way)) for way in islice(product(*parts), _MOST_WAYS)))


def _with_s(stems: tuple[Pronunciation, ...]) -> tuple[Pronunciation, ...]:
    """The plural or possessive: "IH Z" after a hissing sound, "S" after a voiceless one, "Z" after any other."""
    ending: dict[str, Pronunciation] = dict.fromkeys(("S", "Z", "SH", "ZH", "CH", "JH"), ("IH", "Z"))
    ending |= dict.fromkeys(("P", "T", "K", "F", "TH"), ("S",))
    return tuple(stem + ending.get(stem[-1], ("Z",)) for stem in stems)
