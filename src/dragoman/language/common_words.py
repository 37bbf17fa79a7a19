"""The words that every recogniser of English knows (``tools/extract_common_words.py`` makes the list)."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files


def is_common(word: str) -> bool:
    """Whether the word is among the 5,000 commonest; case does not matter."""
    return word.lower().replace("’", "'") in _words()


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    return frozenset(files("dragoman.language").joinpath("data/common-en.txt").read_text(encoding="utf-8").split())
