"""Which numbers are personal data: by what announces them, how long they are and how they are grouped."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from dragoman.analysis.pii.digits import Run
from dragoman.analysis.pii.entity import Entity, PiiType
from dragoman.analysis.pii.heard import HeardWord, listed
from dragoman.analysis.pii.number_cues import Announced, Cue, cues

_REACH: Final = 12
"""Words between what announces a number and the number."""
_REACH_AFTER: Final = 4
_MOST_CUES: Final = 4
"""Cues before a number that are tried, the nearest first."""
_MONTHS: Final = listed("january february march april may june july august september october november december")
_COUNTED: Final = listed(
    "dollars dollar cents cent pounds pound pence euros bucks percent minutes minute hours hour days day weeks week "
    "months month years year people miles mile times milligrams grams kilos units degrees points point o'clock am pm "
    "a.m p.m feet inches inch meters metres kilometers volts watts pages items words letters digits digit copies "
    "thousand million"
)
_NOT_CARDS: Final = listed(
    "subscription offer passport warranty license licence lease policy contract membership coupon voucher code "
    "password link milk insurance permit certificate trial"
)
"""What also expires."""
_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z\d]{11,30}", re.IGNORECASE | re.ASCII)
_IBAN_PART: Final = re.compile(r"[A-Z]{2}\d{2}|[A-Z\d]{1,4}|\d+", re.ASCII)
_SHORTEST_IBAN: Final = 15
_LONGEST_IBAN: Final = 34
_TYPES: Final = {
    Announced.CARD: PiiType.CREDIT_DEBIT_NUMBER,
    Announced.CVV: PiiType.CREDIT_DEBIT_CVV,
    Announced.CODE: PiiType.CREDIT_DEBIT_CVV,
    Announced.EXPIRY: PiiType.CREDIT_DEBIT_EXPIRY,
    Announced.SSN: PiiType.SSN,
    Announced.ROUTING: PiiType.BANK_ROUTING,
    Announced.ACCOUNT: PiiType.BANK_ACCOUNT_NUMBER,
    Announced.PIN: PiiType.PIN,
    Announced.PHONE: PiiType.PHONE,
    Announced.NUMBER: PiiType.PHONE,
    Announced.ZIP: PiiType.ADDRESS,
}
_CHECKED, _ANNOUNCED, _SHORTENED, _BY_SHAPE, _WEAK = 0.99, 0.95, 0.9, 0.8, 0.65


def find_numbers(words: Sequence[HeardWord], runs: Sequence[Run]) -> list[Entity]:
    """Cards, accounts, telephones and the rest; postcodes of digits as addresses."""
    heard = cues(words)
    starts = [cue.start for cue in heard]
    found: list[Entity] = []
    card_until = -1
    """Last word of what has been said of a card: a code soon after is the card's."""
    for number, run in enumerate(runs):
        if _is_counted(words, run):
            continue
        following = runs[number + 1] if number + 1 < len(runs) else None
        nearest = bisect_right(starts, run.start)
        before = [cue for cue in heard[max(0, nearest - _MOST_CUES) : nearest] if run.start - cue.stop <= _REACH]
        after = [cue for cue in heard[nearest : nearest + 2] if cue.start - run.stop < _REACH_AFTER]
        is_of_card = card_until >= 0 and run.start - card_until <= _REACH
        entity = (
            _announced(words, run, following, before[::-1], is_of_card)
            or _named_after(words, run, after)
            or (None if before and before[-1].kind is Announced.OTHER else _by_shape(words, run))
        )
        if entity is not None and (not found or found[-1].stop_word <= entity.start_word):
            found.append(entity)
            if entity.type in (PiiType.CREDIT_DEBIT_NUMBER, PiiType.CREDIT_DEBIT_EXPIRY):
                card_until = entity.stop_word
    return [*found, *_months(words, runs, heard, starts), *_international(words, heard)]


def _international(words: Sequence[HeardWord], heard: Sequence[Cue]) -> list[Entity]:
    """Account numbers of ISO 13616: written as one word, or in parts behind what announces them."""
    found = [
        Entity(at, at + 1, PiiType.BANK_ACCOUNT_NUMBER, _CHECKED if is_iban(word.text) else _ANNOUNCED)
        for at, word in enumerate(words)
        if _IBAN.fullmatch(word.text)
    ]
    for cue in heard:
        if words[cue.start].lower != "iban":
            continue
        start = cue.stop
        while start < len(words) and words[start].lower in ("is", "number", "it's", "uh", "um"):
            start += 1
        stop, signs = start, 0
        while stop < len(words) and signs < _LONGEST_IBAN and _IBAN_PART.fullmatch(words[stop].text):
            signs, stop = signs + len(words[stop].text), stop + 1
            if words[stop - 1].ends_sentence:
                break
        if signs >= _SHORTEST_IBAN and stop > start + 1:
            found.append(Entity(start, stop, PiiType.BANK_ACCOUNT_NUMBER, _ANNOUNCED))
    return found


def is_iban(text: str) -> bool:
    """The check digits of an international account number (ISO 7064, modulo 97)."""
    moved = (text[4:] + text[:4]).upper()
    return int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


def luhn(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) << place % 2
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def aba(digits: str) -> bool:
    """The check digit of routing numbers of the American Bankers Association: weights 3, 7, 1."""
    return len(digits) == 9 and sum(int(digit) * (3, 7, 1)[i % 3] for i, digit in enumerate(digits)) % 10 == 0


def _is_counted(words: Sequence[HeardWord], run: Run) -> bool:
    if run.stop < len(words) and not words[run.stop - 1].has_pause and words[run.stop].lower in _COUNTED:
        return len(run.digits) < 7
    return False


def _announced(
    words: Sequence[HeardWord], run: Run, following: Run | None, nearest_first: list[Cue], is_of_card: bool
) -> Entity | None:
    has_last = any(cue.kind is Announced.LAST_DIGITS for cue in nearest_first)
    for cue in nearest_first:
        if cue.kind is Announced.OTHER:
            return None
        if cue.kind is Announced.LAST_DIGITS or (cue.kind is Announced.CODE and not is_of_card):
            continue
        if cue.kind is Announced.EXPIRY:
            if expiry := _expiry(words, run, following, cue):
                return expiry
        elif confidence := _fits(cue.kind, run, has_last):
            kind = _TYPES[cue.kind]
            if kind is PiiType.PHONE and luhn(run.digits) and len(run.digits) >= 14:
                kind = PiiType.CREDIT_DEBIT_NUMBER
            return Entity(run.start, run.stop, kind, confidence)
    return None


def _fits(kind: Announced, run: Run, has_last: bool) -> float | None:
    """How sure it is that a run of this length is what was announced; ``None`` when it cannot be."""
    digits, size = run.digits, len(run.digits)
    is_shortened = has_last and size == 4
    sure: float | None = None
    match kind:
        case Announced.CARD:
            sure = (_CHECKED if luhn(digits) else _ANNOUNCED) if 12 <= size <= 19 else None
        case Announced.CVV | Announced.CODE:
            return _ANNOUNCED if size in (3, 4) else None
        case Announced.SSN:
            sure = _CHECKED if size == 9 else None
        case Announced.ROUTING:
            sure = (_CHECKED if aba(digits) else _ANNOUNCED) if size in (6, 8, 9) else None
        case Announced.ACCOUNT:
            sure = _ANNOUNCED if 6 <= size <= 17 and not run.is_amount else None
        case Announced.PIN:
            return _ANNOUNCED if size == 4 else None
        case Announced.PHONE:
            sure = _ANNOUNCED if 7 <= size <= 15 and not run.is_amount else None
        case Announced.NUMBER:
            sure = _BY_SHAPE if size in (7, 10, 11, 12, 13, 15, 16) and not run.is_amount else None
        case Announced.ZIP:
            return _ANNOUNCED if size in (4, 5, 9) else None
    return sure or (_SHORTENED if is_shortened else None)


def _expiry(words: Sequence[HeardWord], run: Run, following: Run | None, cue: Cue) -> Entity | None:
    """Month and year in digits: "oh four twenty seven", "04/27", "twelve of twenty seven"."""
    if any(word.lower in _NOT_CARDS for word in words[max(0, cue.start - 5) : cue.start]):
        return None
    if _is_month_and_year(run.digits):
        return Entity(run.start, run.stop, PiiType.CREDIT_DEBIT_EXPIRY, _ANNOUNCED)
    if following is None or following.start != run.stop + 1 or words[run.stop].lower not in ("of", "slash"):
        return None
    if _is_month_and_year(run.digits + following.digits):
        return Entity(run.start, following.stop, PiiType.CREDIT_DEBIT_EXPIRY, _ANNOUNCED)
    return None


def _is_month_and_year(digits: str) -> bool:
    for years in (2, 4):
        month, year = digits[:-years], digits[-years:]
        if 1 <= len(month) <= 2 and 1 <= int(month) <= 12 and _is_year(year):
            return True
    return False


def _is_year(digits: str) -> bool:
    return (len(digits) == 4 and digits[:2] == "20" and "20" <= digits[2:] <= "49") or (
        len(digits) == 2 and "20" <= digits <= "49"
    )


def _months(words: Sequence[HeardWord], runs: Sequence[Run], heard: list[Cue], starts: list[int]) -> list[Entity]:
    """Month by its name and year; one with a day between is a date."""
    found = []
    for run in runs:
        month = run.start - 2 if run.start and words[run.start - 1].lower == "of" else run.start - 1
        if month < 0 or words[month].lower not in _MONTHS or not _is_year(_year_digits(run.digits)):
            continue
        before = heard[max(0, bisect_right(starts, month) - 2) : bisect_right(starts, month)]
        for cue in reversed(before):
            near = words[max(0, cue.start - 5) : cue.start]
            if cue.kind is Announced.EXPIRY and month - cue.stop <= _REACH:
                if not any(word.lower in _NOT_CARDS for word in near):
                    found.append(Entity(month, run.stop, PiiType.CREDIT_DEBIT_EXPIRY, _ANNOUNCED))
                break
    return found


def _year_digits(digits: str) -> str:
    """ "two thousand twenty seven" reads as 200027."""
    return "20" + digits[4:] if len(digits) == 6 and digits.startswith("2000") else digits


def _named_after(words: Sequence[HeardWord], run: Run, after: list[Cue]) -> Entity | None:
    """What it is, said behind it: "twenty two forty seven as my PIN", "… is my number"."""
    if run.stop >= len(words) or words[run.stop].lower not in ("as", "is", "was", "for"):
        return None
    for cue in after:
        if cue.kind in _TYPES and cue.kind is not Announced.CODE:
            is_expiry = cue.kind is Announced.EXPIRY and _is_month_and_year(run.digits)
            confidence = _ANNOUNCED if is_expiry else _fits(cue.kind, run, has_last=False)
            if confidence and all(not word.ends_sentence for word in words[run.stop : cue.start]):
                return Entity(run.start, run.stop, _TYPES[cue.kind], confidence)
    return None


def _by_shape(words: Sequence[HeardWord], run: Run) -> Entity | None:
    """Numbers nobody announced whose length, groups and check digit say what they are."""
    digits, sizes = run.digits, run.sizes
    written = words[run.start].text if run.stop == run.start + 1 else ""
    if run.is_amount:
        return None
    if sizes == (3, 2, 4) or (len(digits) == 9 and written[3:4] in ("-", ".") and written[6:7] == written[3:4]):
        return Entity(run.start, run.stop, PiiType.SSN, _BY_SHAPE)
    if len(digits) in (15, 16) and digits[0] in "3456" and luhn(digits):
        return Entity(run.start, run.stop, PiiType.CREDIT_DEBIT_NUMBER, _BY_SHAPE)
    if run.has_plus and 10 <= len(digits) <= 15:
        return Entity(run.start, run.stop, PiiType.PHONE, _BY_SHAPE)
    if written.startswith("0") or (words[run.start].text.startswith("0") and len(sizes) in (3, 4)):
        return Entity(run.start, run.stop, PiiType.PHONE, _BY_SHAPE) if len(digits) in (10, 11) else None
    national, groups = (digits[1:], sizes[-3:]) if len(digits) == 11 and digits[0] == "1" else (digits, sizes)
    if len(national) == 10 and national[0] in "23456789" and national[3] in "23456789":
        is_grouped = groups in ((3, 3, 4), (3, 7), (6, 4)) or any(sign in written for sign in "()-.")
        return Entity(run.start, run.stop, PiiType.PHONE, _BY_SHAPE if is_grouped else _WEAK)
    return None
