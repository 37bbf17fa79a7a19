"""Words of a client's dictionary: what is known of them, what is wrong with them, and how they sound."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice, product
from typing import Final

from dragoman.core.request import DictionaryWord
from dragoman.language.classes import WordClasses
from dragoman.language.g2p import G2P
from dragoman.language.graphemes import unsupported_graphemes, words_of
from dragoman.language.lexicon import Lexicon
from dragoman.language.notation import UnsupportedPhoneme, from_phonexia, to_phonexia
from dragoman.language.phonemes import Pronunciation
from dragoman.language.spoken import Speech

_SHORTEST: Final = 3
_MOST_READINGS: Final = 8
"""Pronunciations of an entry of several words, each of which has its own."""


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
    """One way to say a word; or, with a ``problem``, what was left out, as it was written, and why."""

    phones: Pronunciation
    written: str
    out_of_vocabulary: bool
    word_class: str = ""
    problem: Problem | None = None
    warning: str = ""


@dataclass(frozen=True, slots=True)
class CheckedWord:
    """A word with everything known of it. ``accepted`` is what takes part in recognition; ``None``: nothing."""

    spelling: str
    pronunciations: tuple[CheckedPronunciation, ...]
    accepted: DictionaryWord | None


class Pronouncer:
    """Checks and completes the dictionaries of clients, in bounded time and without audio."""

    def __init__(self, lexicon: Lexicon, g2p: G2P, classes: WordClasses | None = None) -> None:
        self._lexicon = lexicon
        self._g2p = g2p
        self._classes = classes or WordClasses()
        self._speech = Speech(lexicon, g2p)

    def load(self) -> None:
        """Open the lexicon, the letter-to-sound model and the classes. Raises ``EngineNotReady``."""
        self._lexicon.load()
        self._g2p.load()
        self._classes.load()

    def check(self, entries: Sequence[Entry]) -> list[CheckedWord]:
        """Every word once, where it first stands; entries of the same spelling are one word."""
        merged: dict[str, Entry] = {}
        for entry in entries:
            key = " ".join(words_of(_clean(entry.spelling)))
            other = merged.get(key)
            merged[key] = (
                entry
                if other is None
                else replace(
                    other,
                    pronunciations=other.pronunciations + entry.pronunciations,
                    sounds_like=other.sounds_like + entry.sounds_like,
                    display=other.display if other.display is not None else entry.display,
                )
            )
        return [self._check(spelling, entry) for spelling, entry in merged.items()]

    def _check(self, spelling: str, entry: Entry) -> CheckedWord:
        words = spelling.split()
        if not words:
            return _refused(entry, Problem.EMPTY_FIELD, "the word is empty: write it, or remove the entry")
        known = self._known(words)
        word_class = next(iter(self._classes.classes_of(spelling)), "")
        found = {phones: CheckedPronunciation(phones, to_phonexia(phones), False, word_class) for phones in known}
        wrong: dict[str, CheckedPronunciation] = {}

        def add(phones: Pronunciation, written: str) -> None:
            if phones in found:
                return
            if len(phones) < _SHORTEST:
                wrong[written] = _wrong(
                    written,
                    Problem.PRONUNCIATION_TOO_SHORT,
                    f"left out: a pronunciation needs at least {_SHORTEST} phonemes",
                    word_class,
                )
            else:
                found[phones] = CheckedPronunciation(phones, to_phonexia(phones), True, word_class)

        for written in entry.pronunciations:
            try:
                phones = from_phonexia(written)
            except UnsupportedPhoneme as error:
                wrong[written] = _wrong(written, Problem.UNSUPPORTED_PHONEME, f"left out: {error}", word_class)
                continue
            if not phones:
                wrong[""] = _wrong(
                    "", Problem.EMPTY_FIELD, "left out: the pronunciation is empty; write phonemes", word_class
                )
            else:
                add(phones, written)
        for respelling in entry.sounds_like:
            for phones in self._spoken(words_of(_clean(respelling))):
                add(phones, to_phonexia(phones))
        if not found:
            if odd := unsupported_graphemes("".join(words)):
                listed = " ".join(odd[:5])
                warning = f"left out: {listed} not among the graphemes of the language; add a pronunciation"
                wrong["", "word"] = _wrong("", Problem.UNSUPPORTED_GRAPHEME, warning, word_class)  # type: ignore[index]
            else:
                for phones in self._spoken(words):
                    add(phones, to_phonexia(phones))
        accepted = (
            DictionaryWord(spelling, tuple(found), display=None if entry.display is None else _clean(entry.display))
            if found
            else None
        )
        return CheckedWord(entry.spelling, (*found.values(), *wrong.values()), accepted)

    def _known(self, words: list[str]) -> list[Pronunciation]:
        """As the lexicon has it, for several words each of them."""
        ways = [self._lexicon.pronunciations(word) for word in words]
        return [sum(way, ()) for way in islice(product(*ways), _MOST_READINGS)]

    def _spoken(self, words: list[str]) -> list[Pronunciation]:
        """As it is written: by the lexicon, or by its letters."""
        ways = []
        for word in words:
            for alternatives in self._speech.said(word):
                ways.append([sum((spoken.pronunciations[0] for spoken in reading), ()) for reading in alternatives])
        return [sum(way, ()) for way in islice(product(*ways), _MOST_READINGS)]


def _clean(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _wrong(written: str, problem: Problem, warning: str, word_class: str = "") -> CheckedPronunciation:
    return CheckedPronunciation((), written, True, word_class, problem, warning)


def _refused(entry: Entry, problem: Problem, warning: str) -> CheckedWord:
    return CheckedWord(entry.spelling, (_wrong("", problem, warning),), None)
