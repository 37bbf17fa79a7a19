"""Tokens → words → hypothesis, and what each is worth. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from dragoman.core.ports import Hypothesis, HypothesisWord

_UNSPACED: Final = frozenset({"zh", "ja", "th", "lo", "my"})
"""Languages that put no spaces between words: there every few characters that the model says at once are a word."""
_CUT: Final = "�"
"""Stands for bytes that are no character, or not yet."""


@dataclass(frozen=True, slots=True)
class TokenWord:
    """``text`` without spaces; ``tokens`` are places in the sequence."""

    text: str
    tokens: range


def begins_word(text: str, language: str) -> bool:
    """Whether what the model says next is a word of its own, not more of the last one."""
    return _is_spoken(text) if language in _UNSPACED else text[:1].isspace()


def spelt(word: str, language: str) -> str:
    """A word as the model would write it inside a text."""
    return word if language in _UNSPACED else f" {word}"


def words_of(tokens: Sequence[int], decode: Callable[[Sequence[int]], str], language: str) -> list[TokenWord]:
    """The words that tokens spell, with their punctuation; what is no character at all is left out."""
    words: list[tuple[str, int, int]] = []
    unspaced = language in _UNSPACED
    start = 0
    for stop in range(1, len(tokens) + 1):
        piece = decode(tokens[start:stop])
        if piece.endswith(_CUT) and stop < len(tokens) and stop - start < 4:
            continue  # the rest of the character follows
        begins = begins_word(piece, language) and (_is_spoken(words[-1][0]) or not unspaced) if words else True
        if not begins or (unspaced and _goes_on(words, piece)):
            words[-1] = (words[-1][0] + piece, words[-1][1], stop)
        else:
            words.append((piece, start, stop))
        start = stop
    return [
        TokenWord(text, range(first, stop))
        for piece, first, stop in words
        if (text := "".join(piece.replace(_CUT, "").split()))
    ]


def word_probability(
    word: TokenWord, tokens: Sequence[int], probabilities: Sequence[float], decode: Callable[[Sequence[int]], str]
) -> float:
    """Of its tokens together, leaving out its punctuation."""
    letters = [at for at in word.tokens if _is_spoken(decode(tokens[at : at + 1]))]
    return min(1.0, math.prod(max(0.0, probabilities[at]) for at in letters or word.tokens))


def hypothesis_of(words: Sequence[HypothesisWord]) -> Hypothesis:
    """As sure as its words are on the (geometric) average."""
    if not words:
        return Hypothesis()
    confidence = math.exp(sum(math.log(max(word.confidence, 1e-6)) for word in words) / len(words))
    return Hypothesis(tuple(words), min(1.0, confidence))


def _goes_on(words: Sequence[tuple[str, int, int]], piece: str) -> bool:
    """Whether a piece of a word in Latin letters follows another one."""
    return bool(words) and all(letter.isascii() and letter.isalnum() for letter in (words[-1][0][-1:], piece[:1]))


def _is_spoken(text: str) -> bool:
    return any(map(str.isalnum, text))
