"""Personal data in a transcript: found, and replaced by the name of its type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dragoman.analysis.pii.address import find_addresses
from dragoman.analysis.pii.digits import runs
from dragoman.analysis.pii.entity import Entity, PiiType
from dragoman.analysis.pii.heard import read
from dragoman.analysis.pii.mail import find_addresses_of_mail
from dragoman.analysis.pii.names import find_names
from dragoman.analysis.pii.numbers import find_numbers
from dragoman.core.transcript import Word

__all__ = ["ALL", "Entity", "PiiType", "find", "redacted"]

ALL: Final = frozenset(PiiType)


def find(words: Sequence[str], types: frozenset[PiiType] = ALL) -> list[Entity]:
    """The personal data of these types, in order, none over another.

    ``words`` are displayed words with their punctuation, those of one segment. Every type is looked for whatever is
    asked: a card's code is no PIN because codes were not asked for. The time is linear in the number of words.
    """
    heard = read(words)
    digits = runs(heard)
    mail = find_addresses_of_mail(heard, digits)
    addresses = _beside(mail, find_addresses(heard, digits))
    numbers = _beside(addresses, find_numbers(heard, digits))
    found = [*numbers, *find_names(heard, numbers)]
    return sorted((entity for entity in found if entity.type in types), key=lambda entity: entity.start_word)


def redacted(words: Sequence[Word], entities: Sequence[Entity]) -> tuple[Word, ...]:
    """The words with each entity as one word ``[TYPE]`` that spans its time, the punctuation behind it kept.

    ``entities`` are those that ``find`` gave for these words. The new word has the entity's confidence.
    """
    kept: list[Word] = []
    at = 0
    for entity in entities:
        first, last = words[entity.start_word], words[entity.stop_word - 1]
        text = f"[{entity.type}]{_ending(last.text)}"
        kept += words[at : entity.start_word]
        kept.append(Word(text, first.start_ms, last.end_ms, entity.confidence, speaker=first.speaker))
        at = entity.stop_word
    return (*kept, *words[at:])


def _beside(first: list[Entity], others: list[Entity]) -> list[Entity]:
    """All of the first, and of the others what does not overlap with one before it."""
    taken = {place for entity in first for place in range(entity.start_word, entity.stop_word)}
    found = list(first)
    for entity in others:
        span = range(entity.start_word, entity.stop_word)
        if taken.isdisjoint(span):
            taken.update(span)
            found.append(entity)
    return found


def _ending(text: str) -> str:
    """Possessive and punctuation of the last word."""
    end = len(text)
    while end and text[end - 1] in ".,;:?!":
        end -= 1
    owner = text[max(0, end - 2) : end]
    return (owner if owner in ("'s", "’s") else "") + text[end:]
