"""Partial-results stabilisation: which words of a partial are shown, and which of those never change any more. Pure.

The recogniser says how many words have come to rest (``Partial.stable_words``), and its final may still know better.
With stabilisation a word that was called stable stays, in the final too: what the final says otherwise is given up
there. The levels differ in how soon that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final

from dragoman.core.transcript import Word
from dragoman.language.punctuation import bare

PUNCTUATION: Final = ".,?!;:…。，、？！；："
"""What is said of as an item of its own when it stands behind a word."""
_TITLES: Final = frozenset(("mr.", "mrs.", "ms.", "dr.", "st.", "jr.", "sr.", "vs."))


class Stability(StrEnum):
    """How soon words are shown and stay.

    ``HIGH``: both at once. ``MEDIUM``: both once two partials in a row have a word, or it has come to rest. ``LOW``:
    it is shown as with medium, and stays once it has come to rest.
    """

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def split(text: str) -> tuple[str, str]:
    """A displayed word → the word, and the punctuation behind it. Dots of ``U.S.`` and ``Mr.`` are part of the word."""
    word = text.rstrip(PUNCTUATION)
    behind = text[len(word) :]
    if behind.startswith(".") and ((word[-2:-1] == "." and word[-1].isalpha()) or f"{word.lower()}." in _TITLES):
        return f"{word}.", behind[1:]
    return word, behind


class StableWords:
    """The words of one segment, partial by partial. Without a level they are what the recogniser says."""

    def __init__(self, level: Stability | None) -> None:
        self._level = level
        self._kept: tuple[Word, ...] = ()
        """Those that stay, as they were shown."""
        self._before: tuple[str, ...] = ()

    @property
    def kept(self) -> int:
        """How many of the words that were given last stay."""
        return len(self._kept)

    def partial(self, words: Sequence[Word], rested: int) -> tuple[Word, ...]:
        """What is shown of a partial of which the first ``rested`` words have come to rest."""
        if self._level is None or not words:
            return self._kept or tuple(words)
        # What follows a word, a comma or a stop, is not known before the next word.
        joined = self._joined((*words[:-1], replace(words[-1], text=split(words[-1].text)[0] or words[-1].text)))
        now = tuple(map(_core, joined))
        rested = max(rested + len(joined) - len(words), len(self._kept))
        agreed = max(rested, _common(now, self._before))
        self._before = now
        shown = len(joined) if self._level is Stability.HIGH else agreed
        kept = rested if self._level is Stability.LOW else shown
        self._kept = joined[:kept]
        return joined[:shown]

    def final(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """What the final says, behind the words that stay."""
        self._kept = self._joined(words)
        return self._kept

    def _joined(self, words: Sequence[Word]) -> tuple[Word, ...]:
        if not self._kept:
            return tuple(words)
        at = _place(tuple(map(_core, self._kept)), tuple(map(_core, words)))
        last = self._kept[-1]
        if at and split(longer := last.text + split(words[at - 1].text)[1])[0] == last.text:
            last = replace(last, text=longer)
        behind = (
            replace(word, start_ms=max(word.start_ms, last.end_ms), end_ms=max(word.end_ms, last.end_ms))
            for word in words[at:]
        )
        return (*self._kept[:-1], last, *behind)


def _core(word: Word) -> str:
    return bare(word.text).casefold()


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many first elements are the same."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _place(kept: Sequence[str], words: Sequence[str]) -> int:
    """How many of the first words say the same as those kept: where the fewest edits lie between them, the nearest to
    as many."""
    same = _common(kept, words)
    if same == len(kept):
        return same
    edits = list(range(len(words) + 1))
    for row, mine in enumerate(kept, start=1):
        diagonal, edits[0] = edits[0], row
        for column, theirs in enumerate(words, start=1):
            diagonal, edits[column] = (
                edits[column],
                min(edits[column] + 1, edits[column - 1] + 1, diagonal + (mine != theirs)),
            )
    return min(range(len(words) + 1), key=lambda place: (edits[place], abs(place - len(kept))))
