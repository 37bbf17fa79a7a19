"""Addresses of electronic mail, written ("a@example.com") and said ("j dot smith at example dot com")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from dragoman.analysis.pii.digits import Run
from dragoman.analysis.pii.entity import Entity, PiiType
from dragoman.analysis.pii.heard import HeardWord, listed, stands_for_a_letter
from dragoman.analysis.pii.name_lists import is_nothing_but_a_name
from dragoman.language.common_words import is_common

_WRITTEN: Final = re.compile(r"[\w.+%-]{1,64}@[a-z\d-]{1,63}(?:\.[a-z\d-]{1,63})+", re.IGNORECASE | re.ASCII)
_DOMAIN: Final = re.compile(r"[a-z\d-]{1,63}(?:\.[a-z\d-]{1,63})*\.[a-z]{2,8}", re.IGNORECASE | re.ASCII)
_TOP: Final = listed(
    "com org net edu gov mil io info biz co us uk au nz ca de fr ie in eu me tv ai app dev test example"
)
_CONNECTORS: Final = listed("dot underscore dash hyphen period plus")
_FILLERS: Final = frozenset(("uh", "um", "er", "then", "capital"))
_NO_PART: Final = listed(
    "is it's its that's at to me us him her them the my your our email e-mail mail address in on and so or of for an "
    "this that be was it you we they i'm look find order shop online visit available here website site was are by "
    "with from called says said use"
)
"""Words that are no part of an address; they end it on the left."""
_NO_DOMAIN: Final = listed("is it's that's the and so or for of to on was were be are if but then")
_SIGNS: Final = frozenset(("sign", "symbol"))
"""Behind "at"."""
_LEADS: Final = listed("to is it's that's at email e-mail address mail")
_ANNOUNCES: Final = listed(
    "email e-mail emails mail mailed address username send sent write invoice login account contact"
)
_LONGEST_LOCAL: Final = 24
_LONGEST_LABEL: Final = 12
_REACH: Final = 12


def find_addresses_of_mail(words: Sequence[HeardWord], runs: Sequence[Run]) -> list[Entity]:
    in_number = {place for run in runs for place in range(run.start, run.stop)}
    found: list[Entity] = []
    for at, word in enumerate(words):
        if "@" in word.text and _WRITTEN.fullmatch(word.text):
            found.append(Entity(at, at + 1, PiiType.EMAIL, 0.99))
        elif word.lower == "at" and not word.has_pause and at:
            entity = _said(words, at, in_number, found[-1].stop_word if found else 0)
            if entity:
                found.append(entity)
    return found


def _said(words: Sequence[HeardWord], at: int, in_number: set[int], from_word: int) -> Entity | None:
    stop = _domain(words, at + 1)
    if stop is None:
        return None
    start = _local(words, at, in_number, from_word)
    if start == at:
        return None
    near = [*words[max(0, start - _REACH) : start], *words[stop : stop + 4]]
    is_announced = any(word.lower in _ANNOUNCES for word in near)
    local = words[start]
    is_word = start == at - 1 and is_common(local.lower) and not (local.is_letter or is_nothing_but_a_name(local.lower))
    if is_word and not is_announced and words[at + 1].lower not in _SIGNS:
        return None
    return Entity(start, stop, PiiType.EMAIL, 0.97 if is_announced else 0.85)


def _domain(words: Sequence[HeardWord], at: int) -> int | None:
    """The word after "example dot com" that begins at ``at``."""
    if at < len(words) and words[at].lower in _SIGNS:
        at += 1
    start, last = at, None
    while at < len(words) and at - start < _LONGEST_LABEL:
        word = words[at]
        if last is None and at == start and word.lower in ("a", "the", "any", "our"):
            return None
        if "." in word.text and _DOMAIN.fullmatch(word.text):
            return at + 1
        is_dot = word.lower in ("dot", "period")
        if is_dot and at > start and at + 1 < len(words) and words[at + 1].lower in _TOP:
            last = at + 2
            if last >= len(words) or words[last].lower != "dot" or words[last - 1].has_pause:
                return last
            at += 1
        elif last is not None and not is_dot:
            return last
        if word.ends_sentence or (word.has_pause and not is_dot):
            return last
        if word.lower in _NO_DOMAIN:
            return last
        at += 1
    return last


def _local(words: Sequence[HeardWord], at: int, in_number: set[int], from_word: int) -> int:
    """The first word of what stands before "at"; ``at`` itself when nothing can."""
    start = at
    is_open = True
    """Whether a word, and not only a letter or a number, may still come before."""
    while start > from_word and at - start < _LONGEST_LOCAL:
        word = words[start - 1]
        if start < at and stands_for_a_letter(words, start - 1):
            start -= 3 if words[start - 2].lower == "in" else 2
            continue
        if start < at and word.has_pause and words[start - 1].ends_sentence:
            break
        if word.lower in _CONNECTORS and start < at:
            is_open = True
        elif word.is_letter or (start - 1) in in_number:
            if word.has_pause and word.is_letter and start < at and not words[start].is_letter:
                break
            if word.lower in ("a", "i") and not is_open:
                break
        elif word.lower in _FILLERS and start < at and (words[start].lower in _CONNECTORS or words[start].is_letter):
            pass
        elif is_open and word.text and word.lower not in _NO_PART:
            is_open = False
        else:
            break
        start -= 1
    while start < at and (words[start].lower in _CONNECTORS | _FILLERS):
        start += 1
    is_led = start - 1 > from_word and words[start - 2].lower in _LEADS
    if start < at and is_led and _is_plain(words[start - 1]) and _is_plain(words[start]):
        start -= 1
    return start


def _is_plain(word: HeardWord) -> bool:
    return len(word.lower) > 1 and word.lower.isalpha() and word.lower not in _NO_PART and not word.has_pause
