"""Unwanted words of a transcript, from a client's list: tagged, masked or removed.

Only whole words count, whatever their case, and an entry is one word, as Amazon Transcribe documents it: "rat" matches
neither "rats" nor "pirate". Each word is judged by itself, so a partial result shows of a word what the final shows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from dragoman.core.transcript import Word
from dragoman.language.punctuation import bare

MASK: Final = "***"
_APOSTROPHES: Final = str.maketrans("’ʼ", "''")


class VocabularyFilter:
    """The words of a list. An entry of several words, or of none, matches nothing."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._keys = frozenset(_key(parts[0]) for entry in entries if len(parts := entry.split()) == 1)

    def matches(self, text: str) -> bool:
        """Whether a displayed word is on the list: as it is, without the punctuation around it, or without its "'s"."""
        word = _key(bare(text))
        return any(key in self._keys for key in (_key(text), word, word.removesuffix("'s")) if key)

    def tag(self, words: Sequence[Word]) -> tuple[bool, ...]:
        """For each word whether it is on the list."""
        return tuple(self.matches(word.text) for word in words)

    def mask(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The words, those of the list as ``***``; times, confidence and the punctuation around stay."""
        return tuple(_masked(word) if self.matches(word.text) else word for word in words)

    def remove(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The words that are not on the list. The punctuation of a removed word goes with it."""
        return tuple(word for word in words if not self.matches(word.text))


def _key(text: str) -> str:
    return unicodedata.normalize("NFC", text).translate(_APOSTROPHES).casefold()


def _masked(word: Word) -> Word:
    inner = bare(word.text)
    before, _, after = word.text.partition(inner) if inner else ("", "", "")
    return replace(word, text=before + MASK + after, characters=())
