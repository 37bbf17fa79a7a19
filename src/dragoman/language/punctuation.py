"""Words without the punctuation that stands around them."""

from __future__ import annotations

import unicodedata
from typing import Final

_PART_OF_A_WORD: Final = frozenset("%#@&")


def bare(word: str) -> str:
    """``Hello`` for ``"Hello,"``; what is inside stays (``don't``, ``co-op``). Empty when nothing else is left."""
    start, end = 0, len(word)
    while start < end and _is_around(word[start]):
        start += 1
    while end > start and _is_around(word[end - 1]):
        end -= 1
    return word[start:end]


def _is_around(character: str) -> bool:
    return unicodedata.category(character).startswith("P") and character not in _PART_OF_A_WORD
