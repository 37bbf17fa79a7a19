"""Words of a client's dictionary: what is known of them, what is wrong with them, and how they sound."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import Final

from dragoman.core.request import DictionaryWord
from dragoman.language.classes import WordClasses
from dragoman.language.g2p import G2P
from dragoman.language.graphemes import unsupported_graphemes, words_of
from dragoman.language.lexicon import Lexicon
from dragoman.language.notation import UnsupportedPhoneme, from_phonexia, to_phonexia
from dragoman.language.phonemes import Pronunciation
from dragoman.language.spoken import Speech, joined

_SHORTEST: Final = 3
"""Phones of a pronunciation. Shorter ones sound like parts of too many other words."""
_MOST_NAMED: Final = 5
"""Characters or phonemes named in one warning."""
_INVISIBLE: Final = str.maketrans(dict.fromkeys("\u00ad\u200b\u200e\u200f\u2060\ufeff"))
"""What copying from a page leaves in a word: soft hyphens, marks of direction and of places to break a line."""
_APOSTROPHES: Final = str.maketrans(dict.fromkeys("’‘ʼ`´", "'"))
_NOT_WRITTEN: Final = frozenset(("Cc", "Cs"))
"""Categories of control characters and surrogates."""


class Problem(StrEnum):
    """Why a word or a pronunciation was left out."""

    UNSUPPORTED_GRAPHEME = "unsupported_grapheme"
    UNSUPPORTED_PHONEME = "unsupported_phoneme"
    EMPTY_FIELD = "empty_field"
    PRONUNCIATION_TOO_SHORT = "pronunciation_too_short"


@dataclass(frozen=True, slots=True)
class Entry:
    """A dictionary word as a client wrote it; ``pronunciations`` in the notation of ``dragoman.language.notation``."""

    spelling: str
    pronunciations: tuple[str, ...] = ()
    sounds_like: tuple[str, ...] = ()
    display: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedPronunciation:
    """One way to say a word, ``written`` in the client's notation.

    With a ``problem`` it is something that was left out: ``phones`` is empty, ``written`` is what the client wrote, or
    nothing where the word itself is at fault, and ``reason`` tells the person what is wrong and what to do.
    """

    phones: Pronunciation
    written: str
    out_of_vocabulary: bool
    word_class: str = ""
    problem: Problem | None = None
    reason: str = ""

    @property
    def warning(self) -> str:
        """Empty where nothing was left out."""
        return f"Left out: {self.reason}" if self.reason else ""


@dataclass(frozen=True, slots=True)
class CheckedWord:
    """A word as the client wrote it, with everything known of it.

    ``accepted`` is what takes part in recognition, with every usable pronunciation, respellings among them; ``None``
    when the word was left out. Its words stand apart by a space.
    """

    spelling: str
    pronunciations: tuple[CheckedPronunciation, ...]
    accepted: DictionaryWord | None


def merged(entries: Iterable[Entry]) -> list[Entry]:
    """Entries of the same spelling as one, where the first stands. Capitals make another spelling."""
    distinct: dict[str, Entry] = {}
    for entry in entries:
        spelling = clean(entry.spelling)
        first = distinct.get(spelling)
        distinct[spelling] = entry if first is None else _merge(first, entry)
    return list(distinct.values())


def _merge(first: Entry, second: Entry) -> Entry:
    return replace(
        first,
        pronunciations=first.pronunciations + second.pronunciations,
        sounds_like=first.sounds_like + second.sounds_like,
        display=first.display or second.display,
    )


class Pronouncer:
    """Checks and completes the dictionaries of clients, in bounded time and without audio."""

    def __init__(self, lexicon: Lexicon, g2p: G2P, classes: WordClasses | None = None) -> None:
        self._lexicon = lexicon
        self._g2p = g2p
        self._classes = classes or WordClasses()
        self._speech = Speech(lexicon, g2p)

    def load(self) -> None:
        """Open lexicon, letter-to-sound model and classes. Raises ``EngineNotReady`` and ``InvalidWordClass``."""
        self._lexicon.load()
        self._g2p.load()
        self._classes.load()

    def check(self, entries: Iterable[Entry]) -> list[CheckedWord]:
        """What becomes of every entry of ``merged(entries)``, in that order.

        A known word has the pronunciations of the lexicon besides those given. One of which nothing is known and
        nothing usable was given is pronounced as it is spelt. What was left out stands last, with the reason.

        Pronouncing an unknown word takes some 5 ms the first time, everything else far less.
        """
        return [self._check(entry) for entry in merged(entries)]

    def _check(self, entry: Entry) -> CheckedWord:
        spelling = clean(entry.spelling)
        usable: dict[Pronunciation, bool] = {}
        left_out: dict[str, CheckedPronunciation] = {}

        def take(written: str, pronounce: Callable[[str], tuple[Pronunciation, ...]], text: str) -> None:
            try:
                ways = pronounce(text)
                fit = [phones for phones in ways if phones in usable or len(phones) >= _SHORTEST]
                if not fit:
                    raise _LeftOut(Problem.PRONUNCIATION_TOO_SHORT, _TOO_SHORT.format(n=max(map(len, ways))))
                for phones in fit:
                    usable.setdefault(phones, True)
            except _LeftOut as reason:
                left_out[written] = CheckedPronunciation((), written, True, "", reason.problem, str(reason))

        if problem := _unwritable(spelling):
            left_out[""] = CheckedPronunciation((), "", True, "", problem.problem, str(problem))
        else:
            usable.update(dict.fromkeys(self._known(spelling), False))
            for written in entry.pronunciations:
                take(written, _given, written)
            for written in entry.sounds_like:
                take(written, self._by_spelling, clean(written))
            if not usable:
                take("", self._by_spelling, spelling)
        word_class = next(iter(self._classes.classes_of(spelling)), "") if usable else ""
        ways = (CheckedPronunciation(way, to_phonexia(way), unknown, word_class) for way, unknown in usable.items())
        accepted = DictionaryWord(spelling, tuple(usable), display=_shown(entry.display)) if usable else None
        return CheckedWord(entry.spelling, (*ways, *left_out.values()), accepted)

    def _known(self, spelling: str) -> tuple[Pronunciation, ...]:
        """As the lexicon has it; several words when it has each of them."""
        words = spelling.split()
        if len(words) == 1:
            return self._lexicon.pronunciations(spelling)
        return joined(self._lexicon.pronunciations(word) for word in words)

    def _by_spelling(self, spelling: str) -> tuple[Pronunciation, ...]:
        """As it is written in the letters of the language. Raises ``_LeftOut``."""
        if not spelling:
            raise _LeftOut(Problem.EMPTY_FIELD, "the respelling is empty. Write how the word sounds.")
        if odd := unsupported_graphemes(spelling.replace(" ", "")):
            raise _LeftOut(Problem.UNSUPPORTED_GRAPHEME, _OTHER_LETTERS.format(odd=_named(odd)))
        ways = self._speech.ways(spelling)
        if not ways:
            raise _LeftOut(Problem.UNSUPPORTED_GRAPHEME, "it has no letters. Add a pronunciation.")
        return ways


class _LeftOut(Exception):
    """What is wrong, and what to do."""

    def __init__(self, problem: Problem, reason: str) -> None:
        super().__init__(reason)
        self.problem = problem


_TOO_SHORT: Final = (
    f"a pronunciation that is not in the vocabulary needs at least {_SHORTEST} phonemes, this one has {{n}}. "
    "Add the sounds around it, or make the word part of a preferred phrase."
)
_OTHER_LETTERS: Final = (
    "{odd} cannot be pronounced by the rules of the language. "
    "Add a pronunciation, or write the word with the supported graphemes."
)


def _given(written: str) -> tuple[Pronunciation, ...]:
    """The pronunciation a client wrote. Raises ``_LeftOut``."""
    try:
        phones = from_phonexia(written)
    except UnsupportedPhoneme as error:
        raise _LeftOut(Problem.UNSUPPORTED_PHONEME, str(error)) from error
    if not phones:
        raise _LeftOut(
            Problem.EMPTY_FIELD,
            "the pronunciation is empty. Write phonemes with spaces between them, or leave it away.",
        )
    return (phones,)


def _unwritable(spelling: str) -> _LeftOut | None:
    """Why a word cannot be in a transcript at all."""
    if not spelling:
        return _LeftOut(Problem.EMPTY_FIELD, "the word is empty. Write it, or remove the entry.")
    if any(unicodedata.category(character) in _NOT_WRITTEN for character in spelling):
        return _LeftOut(Problem.UNSUPPORTED_GRAPHEME, "it has control characters. Write the word without them.")
    return None


def clean(text: str) -> str:
    """A spelling with one space between words, composed characters, the plain apostrophe, nothing invisible: what is
    the same then is the same word."""
    text = unicodedata.normalize("NFC", text.translate(_INVISIBLE))
    return " ".join(words_of(text.translate(_APOSTROPHES)))


def _shown(display: str | None) -> str | None:
    """A display form on one line; ``None`` when nothing is left of it."""
    words = unicodedata.normalize("NFC", display or "").split()
    return "".join(c for c in " ".join(words) if unicodedata.category(c) not in _NOT_WRITTEN) or None


def _named(signs: Iterable[str]) -> str:
    """``'é', 'ß' and more``."""
    first = list(islice(signs, _MOST_NAMED + 1))
    return ", ".join(map(repr, first[:_MOST_NAMED])) + (" and more" if len(first) > _MOST_NAMED else "")
