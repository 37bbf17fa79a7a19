"""What a model says of a piece of audio, and its words. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dragoman.engines.words import word_probability, words_of

UNKNOWN: Final = 0.8
"""The confidence of words of models that give no probabilities: that of any word, not a measurement."""
_LONGEST_MS: Final = 400
"""A word goes on for so long after its last token began, unless another one begins before."""
_BYTE: Final = re.compile("<0x([0-9A-Fa-f]{2})>")
_NOT_SAID: Final = re.compile("<[^<>]+>")


@dataclass(frozen=True, slots=True)
class Heard:
    """Of the tokens where they begin, in milliseconds, and their log-probabilities; none where the model does not
    say."""

    text: str = ""
    tokens: Sequence[str] = ()
    starts_ms: Sequence[int] = ()
    log_probabilities: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class HeardWord:
    """``start_ms`` is ``None`` where the model does not say it."""

    text: str
    confidence: float
    start_ms: int | None = None
    end_ms: int | None = None


def words_in(heard: Heard, language: str) -> list[HeardWord]:
    pieces, places = _pieces(heard)

    def decode(tokens: Sequence[int]) -> str:
        return b"".join(pieces[token] for token in tokens).decode("utf-8", "replace")

    if _squeezed(decode(range(len(pieces)))) != _squeezed(heard.text):
        # The tokens are written in another way than the text; it has the last word.
        pieces, places = [letter.encode() for letter in heard.text], []
    tokens = list(range(len(pieces)))
    odds = [math.exp(min(0.0, heard.log_probabilities[at])) for at in places if at < len(heard.log_probabilities)]
    starts = [heard.starts_ms[at] for at in places if at < len(heard.starts_ms)]
    found = words_of(tokens, decode, language)
    words = []
    for number, word in enumerate(found):
        sure = word_probability(word, tokens, odds, decode) if tokens and len(odds) == len(tokens) else UNKNOWN
        start = end = None
        if tokens and len(starts) == len(tokens):
            start, end = starts[word.tokens.start], starts[word.tokens.stop - 1] + _LONGEST_MS
            if number + 1 < len(found):
                end = max(start, min(end, starts[found[number + 1].tokens.start]))
        words.append(HeardWord(word.text, sure, start, end))
    return words


def _pieces(heard: Heard) -> tuple[list[bytes], list[int]]:
    """The tokens that are said, and which ones they are."""
    pieces, places = [], []
    for at, token in enumerate(heard.tokens):
        if (byte := _BYTE.fullmatch(token)) is not None:
            pieces.append(bytes([int(byte[1], 16)]))
        elif _NOT_SAID.fullmatch(token):
            continue
        else:
            pieces.append(token.replace("▁", " ").encode())
        places.append(at)
    return pieces, places


def _squeezed(text: str) -> str:
    return "".join(_NOT_SAID.sub("", text).split())
