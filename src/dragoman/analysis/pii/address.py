"""Postal addresses: a house number and a street with what follows, a post office box, a postcode."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from dragoman.analysis.pii.digits import Run
from dragoman.analysis.pii.entity import Entity, PiiType
from dragoman.analysis.pii.heard import HeardWord, listed
from dragoman.analysis.pii.name_lists import is_nothing_but_a_name
from dragoman.analysis.pii.places import STREETS, STREETS_PERHAPS, UNITS, place
from dragoman.language.common_words import is_common

_NO_PART: Final = listed(
    "the a an of to on in at is are was and or for with by from that this it its i you we they he she down up over "
    "other same way lane minutes minute hours miles mile days blocks block percent dollars dollar cents times people "
    "feet inch inches more per uh um one's your my our o'clock am pm year years week weeks month months bus court "
    "guests bedroom bathroom car"
)
_DIRECTIONS: Final = listed("north south east west northeast northwest southeast southwest n s e w")
_LIVES: Final = listed(
    "live lives lived living address deliver delivered ship shipped shipping send mail mailed drop moved located "
    "property house flat apartment home place office we're i'm billing residence resides stay staying pick"
)
_BOXES: Final = (("po", "box"), ("p", "o", "box"), ("p.o", "box"), ("post", "office", "box"), ("pobox",))
_ROADS_BY_NUMBER: Final = frozenset(("county road", "state road", "state route", "rural route", "county highway"))
_ORDINAL: Final = re.compile(r"\d*(?:1st|2nd|3rd|\dth)")
_STATE: Final = re.compile(r"[A-Z]{2}|D\.?C")
_NATIONS: Final = listed("usa uk us england scotland wales ireland")
_OUTWARD: Final = re.compile(r"[A-Z]{1,2}\d[A-Z\d]?")
_INWARD: Final = re.compile(r"\d[A-Z]{2}")
_MOST_NAME_WORDS: Final = 4
_MOST_PARTS: Final = 6
_MOST_TOWN_WORDS: Final = 3
_REACH: Final = 8


def find_addresses(words: Sequence[HeardWord], runs: Sequence[Run]) -> list[Entity]:
    by_start = {run.start: run for run in runs}
    by_stop = {run.stop: run for run in runs}
    found: list[Entity] = []
    for run in runs:
        if found and found[-1].stop_word > run.start:
            continue
        if start := _box(words, run):
            found.append(Entity(start - 1, _onwards(words, run.stop, by_start), PiiType.ADDRESS, 0.97))
            continue
        street = _street(words, run, by_start)
        if street is None:
            continue
        start, stop, confidence = street
        earliest = found[-1].stop_word if found else 0
        start = max(earliest, _backwards(words, start, by_stop, run))
        found.append(Entity(start, _onwards(words, stop, by_start), PiiType.ADDRESS, confidence))
    return [*found, *_postcodes(words, by_start)]


def _box(words: Sequence[HeardWord], run: Run) -> int:
    """One more than the first word of "p o box" before the run; 0 when there is none."""
    for phrase in _BOXES:
        start = run.start - len(phrase)
        if start >= 0 and all(words[start + i].lower == word for i, word in enumerate(phrase)):
            return start + 1
    return 0


def _street(words: Sequence[HeardWord], run: Run, by_start: dict[int, Run]) -> tuple[int, int, float] | None:
    """From the house number to the kind of street; of several groups the last is the number of the house."""
    group = run.groups[-1]
    if not 1 <= len(group.digits) <= 6 or words[run.stop - 1].ends_sentence:
        return None
    start = run.start if len(run.digits) <= 5 and not _is_unit(words, run) else group.start
    before = words[max(0, start - _REACH) : start]
    is_announced = any(word.lower in _LIVES for word in before)
    if words[run.stop - 1].has_pause and not is_announced and not words[run.stop - 1].text[:1].isdigit():
        return None
    at = run.stop
    while at < len(words) and at - run.stop <= _MOST_NAME_WORDS:
        word = words[at]
        pair = f"{word.lower} {words[at + 1].lower}" if at + 1 < len(words) else ""
        if pair in _ROADS_BY_NUMBER and at == run.stop:
            road = by_start.get(at + 2)
            return (start, road.stop, 0.85) if road and is_announced else None
        if at > run.stop and word.lower in STREETS:
            return start, at + 1, 0.97 if is_announced else 0.9
        goes_on = at + 1 < len(words) and words[at + 1].lower in STREETS and not word.has_pause
        if at > run.stop and word.lower in STREETS_PERHAPS and (word.is_capital or is_announced) and not goes_on:
            return start, at + 1, 0.95 if is_announced else 0.8
        if not _may_name_a_street(word):
            break
        if word.has_pause:
            at += 1
            break
        at += 1
    proper = _proper_words(words, run.stop, at) if is_announced else run.stop
    return (start, proper, 0.7) if proper > run.stop else None


def _proper_words(words: Sequence[HeardWord], start: int, stop: int) -> int:
    """The word after a street of a kind no list has: a rare word with a capital, or several with one."""
    at = start
    while at < stop and words[at].is_capital and words[at].lower.isalpha() and len(words[at].lower) > 2:
        at += 1
    is_street = at - start > 1 or (at > start and len(words[start].lower) > 3 and not is_common(words[start].lower))
    return at if is_street else start


def _may_name_a_street(word: HeardWord) -> bool:
    if word.lower in _NO_PART or not word.text:
        return False
    return word.lower.isalpha() or "'" in word.lower or _ORDINAL.fullmatch(word.lower) is not None or "-" in word.lower


def _is_unit(words: Sequence[HeardWord], run: Run) -> bool:
    return len(run.groups) > 1 and run.start > 0 and words[run.start - 1].lower in UNITS


def _backwards(words: Sequence[HeardWord], start: int, by_stop: dict[int, Run], own: Run) -> int:
    """The first word of "number", "flat three," or "suite five hundred," before the house number."""
    if start > own.start:  # the flat's number and the house's were one run
        return own.start - 1
    if start and words[start - 1].lower == "number":
        return start - 1
    if start >= 2 and words[start - 2].lower in UNITS and len(words[start - 1].text) < 4:
        return start - 2
    unit = by_stop.get(start)
    if unit and unit.start and words[unit.start - 1].lower in UNITS:
        return unit.start - 1
    return start


def _onwards(words: Sequence[HeardWord], stop: int, by_start: dict[int, Run]) -> int:
    """The word after the last part of an address whose street ends before ``stop``."""
    for _ in range(_MOST_PARTS):
        longer = _part(words, stop, by_start)
        if longer is None:
            break
        stop = longer
    return stop


def _part(words: Sequence[HeardWord], at: int, by_start: dict[int, Run]) -> int | None:
    if at >= len(words) or words[at - 1].ends_sentence:
        return None
    word = words[at]
    run = by_start.get(at)
    if run is not None:
        return run.stop if len(run.digits) in (5, 9) else None
    if word.lower in UNITS and at + 1 < len(words):
        return _unit(words, at + 1, by_start)
    if word.lower in _DIRECTIONS and words[at - 1].lower in STREETS:
        return at + 1
    if word.lower == "in" and at + 1 < len(words) and (words[at + 1].is_capital or word.is_capital):
        return place(words, at + 1)
    if (stop := place(words, at)) is not None:
        is_plain = stop == at + 1 and is_common(word.lower) and not word.is_capital
        return None if is_plain and not _is_known_part(words, stop, by_start) else stop
    if _STATE.fullmatch(word.text) or word.lower in _NATIONS:
        return at + 1
    if (stop := _postcode(words, at)) is not None:
        return stop
    if word.is_letter and (said := _said_postcode(words, at, by_start)) is not None:
        return said[1]
    return _unknown_town(words, at, by_start)


def _is_known_part(words: Sequence[HeardWord], at: int, by_start: dict[int, Run]) -> bool:
    if at >= len(words):
        return False
    return place(words, at) is not None or (at in by_start and len(by_start[at].digits) in (5, 9))


def _unit(words: Sequence[HeardWord], at: int, by_start: dict[int, Run]) -> int | None:
    if words[at].lower == "number" and at + 1 < len(words):
        at += 1
    run = by_start.get(at)
    stop = at if run is None else run.groups[0].stop
    if run is None and not words[at].is_letter and not re.fullmatch(r"\d+[A-Za-z]|[A-Za-z]\d+", words[at].text):
        return None
    if run is None:
        return at + 1
    if stop < len(words) and words[stop].is_letter and words[stop].lower not in "ai" and not words[stop - 1].has_pause:
        stop += 1
    return stop


def _unknown_town(words: Sequence[HeardWord], at: int, by_start: dict[int, Run]) -> int | None:
    """A town no list has: known by the state or the postcode behind it, or by capitals between two pauses."""
    stop = at
    while stop < len(words) and stop - at < _MOST_TOWN_WORDS:
        word = words[stop]
        if not word.lower.isalpha() or word.lower in _NO_PART:
            return None
        stop += 1
        if _is_known_part(words, stop, by_start) or (stop < len(words) and _STATE.fullmatch(words[stop].text)):
            return stop
        if word.has_pause or stop == len(words):
            is_proper = all(word.is_capital for word in words[at:stop])
            is_person = stop == at + 1 and is_nothing_but_a_name(words[at].lower)
            return stop if is_proper and not is_person and words[at - 1].has_pause else None
    return None


def _postcode(words: Sequence[HeardWord], at: int) -> int | None:
    """A written British postcode: "PL1 2AB"."""
    if at + 1 < len(words) and _OUTWARD.fullmatch(words[at].text) and _INWARD.fullmatch(words[at + 1].text):
        return at + 2
    return None


def _postcodes(words: Sequence[HeardWord], by_start: dict[int, Run]) -> list[Entity]:
    found = []
    at = 0
    while at < len(words):
        stop = _postcode(words, at)
        is_announced = at > 0 and f"{words[at - 1].lower} {words[at].lower}" in ("postal code", "post code")
        said = None
        if is_announced or words[at].lower == "postcode":
            said = _said_postcode(words, at + 1, by_start)
        if stop is not None:
            found.append(Entity(at, stop, PiiType.ADDRESS, 0.9))
        elif said is not None:
            found.append(Entity(*said, PiiType.ADDRESS, 0.95))
        at = found[-1].stop_word if stop is not None or said is not None else at + 1
    return found


def _said_postcode(words: Sequence[HeardWord], at: int, by_start: dict[int, Run]) -> tuple[int, int] | None:
    """Letters and digits one by one: "s w one a two b b", five to seven of them."""
    while at < len(words) and words[at].lower in ("is", "it's", "that's", "uh", "um"):
        at += 1
    start, signs, letters = at, 0, 0
    while at < len(words) and signs < 8:
        if words[at].is_letter and words[at].lower != "o":
            signs, letters, at = signs + 1, letters + 1, at + 1
        elif run := by_start.get(at):
            signs, at = signs + len(run.digits), run.stop
        else:
            break
        if words[at - 1].ends_sentence:
            break
    return (start, at) if 5 <= signs <= 7 and letters >= 2 else None
