"""Runs of digits, said or written: "five five five, oh one two three", "double seven", "twenty six hundred", "4111"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from dragoman.analysis.pii.heard import HeardWord, listed
from dragoman.language.numbers import cardinal, ordinal

_ONES: Final = {cardinal(value)[0]: str(value) for value in range(10)} | {"oh": "0", "o": "0"}
_TEENS: Final = {cardinal(value)[0]: str(value) for value in range(10, 20)}
_TENS: Final = {cardinal(value)[0]: str(value) for value in range(20, 100, 10)}
_TIMES: Final = {"double": 2, "triple": 3, "treble": 3}
_SCALES: Final = {"thousand": "000", "million": "000000", "billion": "000000000"}
_BETWEEN: Final = listed("uh um er erm dash hyphen slash space then")
"""Words inside a number that add no digit."""
_SMALL_ORDINALS: Final = frozenset(ordinal(value)[0] for value in range(1, 10))
_WRITTEN: Final = re.compile(r"\+?\(?\d+(?:\)?[-/.]?\(?\d+)*\)?", re.ASCII)
_COUNTED: Final = re.compile(r"\d{1,3}(?:,\d{3})+|\d+\.\d+", re.ASCII)
_COMPOUND: Final = re.compile(r"([a-z]+ty)-([a-z]+)")
_GROUPS: Final = (3, 4)
"""Digits that are said in one breath."""
_AFTER_GROUPS: Final = (3, 4, 6, 7, 8, 12)
"""Digits of one to three such groups."""
_LONGEST: Final = 40
"""Words of one run; what goes on longer is another."""


@dataclass(frozen=True, slots=True)
class Group:
    """Digits said between two pauses; its words are ``start:stop``."""

    start: int
    stop: int
    digits: str


@dataclass(frozen=True, slots=True)
class Run:
    """Digits one after the other. A comma, a dash or an "uh" parts it into groups, a sentence's end ends it."""

    start: int
    stop: int
    groups: tuple[Group, ...]
    is_amount: bool
    """Whether it is said as a quantity: with thousands, a comma before thousands, or a point."""
    has_plus: bool

    @property
    def digits(self) -> str:
        return "".join(group.digits for group in self.groups)

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(len(group.digits) for group in self.groups)


@dataclass(slots=True)
class _Reading:
    start: int
    stop: int = 0
    groups: list[Group] = field(default_factory=list)
    group_start: int = -1
    group: str = ""
    is_amount: bool = False
    has_plus: bool = False

    def add(self, at: int, stop: int, digits: str) -> None:
        if self.group_start < 0:
            self.group_start = at
        self.group += digits
        self.stop = stop

    def part(self) -> None:
        if self.group:
            self.groups.append(Group(self.group_start, self.stop, self.group))
        self.group, self.group_start = "", -1

    def run(self) -> Run | None:
        self.part()
        if not self.groups:
            return None
        return Run(self.start, self.stop, tuple(self.groups), self.is_amount, self.has_plus)


def runs(words: Sequence[HeardWord]) -> list[Run]:
    """All of them, in order; they do not overlap."""
    found: list[Run] = []
    at = 0
    while at < len(words):
        run = _run(words, at)
        if run is None:
            at += 1
            continue
        if found and found[-1].stop == run.start and _goes_on_after_full_stop(found[-1], run):
            run = _joined(found.pop(), run)
        found.append(run)
        at = run.stop
    return found


def _goes_on_after_full_stop(first: Run, second: Run) -> bool:
    """Recognisers end a sentence where a speaker pauses between two groups: "five five five. Oh one two three."."""
    is_grouped = len(first.digits) in _AFTER_GROUPS and len(second.digits) in _GROUPS
    return is_grouped and not first.is_amount and not second.is_amount


def _joined(first: Run, second: Run) -> Run:
    return Run(first.start, second.stop, (*first.groups, *second.groups), False, first.has_plus)


def _run(words: Sequence[HeardWord], start: int) -> Run | None:
    reading = _Reading(start)
    at = start
    if words[at].lower == "plus" and at + 1 < len(words):
        reading.has_plus = True
        at += 1
    if words[at].lower in ("oh", "o") and (words[at].has_pause or not _is_number(words, at + 1)):
        return None
    while at < len(words) and at - start < _LONGEST:
        word = words[at]
        if word.lower in _BETWEEN and reading.group and _is_number(words, at + 1):
            reading.part()
            at += 1
            continue
        piece = _piece(words, at)
        if piece is None:
            break
        digits, stop, is_amount = piece
        if _says_ordinal(words, stop):  # the forty of "forty second street" belongs to the street
            break
        if word.text[0] in "0123456789(":
            reading.part()
        reading.add(at, stop, digits)
        reading.is_amount |= is_amount
        reading.has_plus |= word.text.startswith("+")
        at = stop
        if words[at - 1].ends_sentence:
            break
        if words[at - 1].has_pause:
            reading.part()
    return reading.run()


def _is_number(words: Sequence[HeardWord], at: int) -> bool:
    return at < len(words) and _piece(words, at) is not None


def _says_ordinal(words: Sequence[HeardWord], stop: int) -> bool:
    last = words[stop - 1]
    return last.lower in _TENS and not last.has_pause and stop < len(words) and words[stop].lower in _SMALL_ORDINALS


def _piece(words: Sequence[HeardWord], at: int) -> tuple[str, int, bool] | None:
    """The digits of one number, the word after it, and whether it is a quantity."""
    word = words[at]
    if not word.has_pause and word.lower in _TIMES and at + 1 < len(words) and (one := words[at + 1].lower) in _ONES:
        return _ONES[one] * _TIMES[word.lower], at + 2, False
    if word.text[:1].isdigit() or word.text[:1] in ("+", "("):
        if _COUNTED.fullmatch(word.text):
            return re.sub(r"\D", "", word.text), at + 1, True
        return (re.sub(r"\D", "", word.text), at + 1, False) if _WRITTEN.fullmatch(word.text) else None
    small = _below_hundred(words, at)
    if small is None:
        return None
    digits, stop = small
    is_amount = False
    if _goes_on(words, stop) and words[stop].lower == "hundred":
        stop += 1
        rest = None
        if _goes_on(words, stop) and words[stop].lower == "and" and stop + 1 < len(words):
            rest = _below_hundred(words, stop + 1)
        if rest is None:
            digits += "00"
        else:
            digits += rest[0].zfill(2)
            stop, is_amount = rest[1], False
    while _goes_on(words, stop) and words[stop].lower in _SCALES:
        digits += _SCALES[words[stop].lower]
        stop, is_amount = stop + 1, True
    if _goes_on(words, stop + 1) and words[stop].lower == "point" and words[stop + 1].lower in _ONES:
        return digits + _ONES[words[stop + 1].lower], stop + 2, True
    return digits, stop, is_amount


def _goes_on(words: Sequence[HeardWord], at: int) -> bool:
    return at < len(words) and not words[at - 1].has_pause


def _below_hundred(words: Sequence[HeardWord], at: int) -> tuple[str, int] | None:
    word = words[at]
    if digits := _ONES.get(word.lower) or _TEENS.get(word.lower):
        return digits, at + 1
    if compound := _COMPOUND.fullmatch(word.lower):
        tens, one = _TENS.get(compound[1]), _ONES.get(compound[2])
        return (tens[0] + one, at + 1) if tens and one else None
    tens = _TENS.get(word.lower)
    if tens is None:
        return None
    unit = _ONES.get(words[at + 1].lower, "0") if _goes_on(words, at + 1) else "0"
    return (tens, at + 1) if unit == "0" else (tens[0] + unit, at + 2)
