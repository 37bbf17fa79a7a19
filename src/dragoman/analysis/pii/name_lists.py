"""What is known of a word as a person's name."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from dragoman.analysis.pii.heard import listed
from dragoman.analysis.pii.places import large_towns
from dragoman.language.classes import WordClasses
from dragoman.language.common_words import is_common

_COMMONEST: Final = 1_080
"""First names of which the class knows how common they are; what follows is in the order of the alphabet."""
_MONTHS_AND_DAYS: Final = listed("april may june july august january sunday monday friday easter")
_SHORTEST: Final = 2
_SHORTEST_FORMED: Final = 6


@cache
def _list(name: str) -> frozenset[str]:
    text = files("dragoman.analysis.pii").joinpath(f"data/{name}.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(name.lower() for line in lines for name in line.split())


@cache
def _class(name: str, most: int | None = None) -> frozenset[str]:
    return frozenset(member.lower() for member in WordClasses().members(name)[:most])


def is_first_name(word: str) -> bool:
    """Any at all, also those that are words, towns or months."""
    head, _, tail = word.partition("-")
    return len(word) >= _SHORTEST and head in _class("first_name") and (not tail or tail in _class("first_name"))


def is_surname(word: str) -> bool:
    is_formed = word.startswith(("o'", "mc", "mac", "al-", "el-")) and len(word) >= _SHORTEST_FORMED
    return len(word) >= _SHORTEST and (is_formed or all(part in _class("surname") for part in word.split("-")))


def is_nothing_but_a_name(word: str) -> bool:
    """Common as a first name and hardly anything else, so that it needs neither a capital nor an announcement."""
    if word in _list("names_always"):
        return True
    return word in _class("first_name", _COMMONEST) and not may_be_another_word(word)


def may_be_another_word(word: str) -> bool:
    """A first name that is a word, a town, a brand or a month as well."""
    if word in _list("names_always"):
        return False
    return is_common(word) or word in _list("names_sometimes") or word in large_towns() or word in _MONTHS_AND_DAYS


def is_a_name_by_its_capital(word: str) -> bool:
    """One of those that inside a sentence have a capital only as a name."""
    return word in _list("names_sometimes")
