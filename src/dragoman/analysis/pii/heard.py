"""The words of a transcript as the rules look at them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dragoman.language.graphemes import fold
from dragoman.language.punctuation import bare


def listed(words: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(words.split())


FILLERS: Final = listed("uh um er erm ah hmm mm eh like well so okay ok yes yeah sure right let me see")
"""What is said between a question and its answer, or between the groups of a number."""
_ABBREVIATIONS: Final = listed("mr mrs ms dr prof st apt no ave rd p.o")
_CLEAR: Final = (("as", "in"), ("for",), ("like",))
_LONGEST: Final = 80
"""Characters of a word that are looked at."""
_PLACEHOLDER: Final = re.compile(r"\W*\[[A-Z_]+\]")


@dataclass(frozen=True, slots=True)
class HeardWord:
    """One word: without the punctuation around it and without a possessive ending; empty for a placeholder."""

    text: str
    lower: str
    has_pause: bool
    """Whether any punctuation follows."""
    ends_sentence: bool
    is_possessive: bool

    @property
    def is_letter(self) -> bool:
        return len(self.lower) == 1 and "a" <= self.lower <= "z"

    @property
    def is_capital(self) -> bool:
        return self.text[:1].isupper()


def read(words: Sequence[str]) -> list[HeardWord]:
    return [_read(word) for word in words]


def stands_for_a_letter(words: Sequence[HeardWord], at: int) -> bool:
    """Whether the word only makes a letter clear: the last of "p as in peter", "b for boy", "t like tom"."""
    for link in _CLEAR:
        start = at - len(link)
        if start > 0 and all(words[start + i].lower == word for i, word in enumerate(link)):
            letter = words[start - 1]
            return letter.is_letter and words[at].lower.startswith(letter.lower)
    return False


def _read(word: str) -> HeardWord:
    if not word or len(word) > _LONGEST or _PLACEHOLDER.match(word):
        return HeardWord("", "", True, True, False)
    text = fold(bare(word))[0]
    if word[0] in "'’" and word[-1] not in "'’":  # something is left out: "'kay"
        text = "'" + text
    owner, _, ending = text.rpartition("'")
    is_possessive = bool(owner) and ending.lower() in ("s", "")
    if is_possessive:
        text = owner
    after = word.rstrip("\"')]”’")
    lower = text.lower()
    is_abbreviation = lower in _ABBREVIATIONS or (after.endswith(".") and len(text) == 1 and text.isupper())
    return HeardWord(
        text,
        lower,
        has_pause=after.endswith((",", ";", ":", ".", "?", "!")) and not is_abbreviation,
        ends_sentence=after.endswith(("?", "!")) or (after.endswith(".") and not is_abbreviation),
        is_possessive=is_possessive,
    )
