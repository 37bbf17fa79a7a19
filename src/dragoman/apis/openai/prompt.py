"""The terms in a prompt: what of it is worth preferring. Pure.

A prompt is a list of terms, or text such as may come before the recording, or both. Of a list every term counts; of
text the names and the words that are not common.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from dragoman.language.common_words import is_common
from dragoman.language.punctuation import bare

MOST_TERMS: Final = 200
LONGEST_PROMPT: Final = 10_000
"""Characters. Of a longer prompt the end counts, as with the vendor."""
_MOST_WORDS: Final = 4
"""Of a term in a list."""
_SENTENCES: Final = re.compile(r"(?<=[.!?…])\s+|[\r\n]+")
_PIECES: Final = re.compile(r"[,;:|•()\[\]{}\"“”«»\t、，]|\s[-–—*·]\s")
_ENDS_SENTENCE: Final = (".", "!", "?", "…")


def terms(prompt: str) -> tuple[str, ...]:
    """At most ``MOST_TERMS``, each once, in the order of the prompt."""
    found = (term for sentence in _SENTENCES.split(prompt[-LONGEST_PROMPT:]) for term in _terms(sentence.strip()))
    return tuple(islice(dict.fromkeys(found), MOST_TERMS))


def _terms(sentence: str) -> Iterator[str]:
    pieces = [words for piece in _PIECES.split(sentence) if (words := _words(piece))]
    is_list = not sentence.endswith(_ENDS_SENTENCE) and all(len(words) <= _MOST_WORDS for words in pieces)
    for number, words in enumerate(pieces):
        if is_list:
            yield " ".join(words)
        else:
            yield from _names(words, opens_sentence=number == 0)


def _words(piece: str) -> list[str]:
    return [word for each in piece.replace("$", "").split() if (word := bare(each))]


def _names(words: list[str], *, opens_sentence: bool) -> Iterator[str]:
    """Words with capitals that stand together, and uncommon words by themselves.

    The first word of a sentence may have its capital for that alone: what follows it counts without it too.
    """
    run: list[str] = []
    for number, word in enumerate((*words, "")):
        if len(word) > 1 and _is_name(word):
            run.append(word)
            continue
        if run:
            began_sentence = opens_sentence and number == len(run) and is_common(run[0])
            if not began_sentence or len(run) > 1:
                yield " ".join(run)
            if began_sentence and len(run) > 1:
                yield " ".join(run[1:])
            run = []
        if len(word) > 1 and not any(map(str.isdigit, word)) and not is_common(word):
            yield word


def _is_name(word: str) -> bool:
    """Written as names are, in one way or another: ``Anna``, ``iPhone``, ``GPT-4``."""
    return any(map(str.isupper, word)) and not word.startswith(("I'", "I’"))
