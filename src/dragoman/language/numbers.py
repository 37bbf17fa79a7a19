"""Written numbers as an English speaker may say them: "2018" is "twenty eighteen" or "two thousand eighteen"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

Words = list[str]

_UNITS: Final = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS: Final = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES: Final = ("", "thousand", "million", "billion", "trillion", "quadrillion")
_ORDINALS: Final = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_CURRENCIES: Final = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "¢": ("cent", "cents", "cent", "cents"),
}
_MAGNITUDES: Final = {
    "k": "thousand",
    "m": "million",
    "mn": "million",
    "b": "billion",
    "bn": "billion",
    "t": "trillion",
    "tn": "trillion",
}
_FRACTIONS: Final = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅛": (1, 8), "⅜": (3, 8)}
_MOST_READINGS: Final = 6
_LONGEST: Final = 40
"""Digits in a row that are still read; a token with more is not a number anybody says."""


def cardinal(number: int) -> Words:
    """ "one hundred ten", without "and". Up to quadrillions; larger numbers are said digit by digit."""
    if number >= 1000 ** len(_SCALES):
        return [_UNITS[int(digit)] for digit in str(number)]
    if number == 0:
        return ["zero"]
    words: Words = []
    for power in range(len(_SCALES) - 1, -1, -1):
        group = number // 1000**power % 1000
        if group:
            words += [*_below_thousand(group), _SCALES[power]] if power else _below_thousand(group)
    return words


def ordinal(number: int) -> Words:
    """ "one hundred tenth"."""
    *head, last = cardinal(number)
    return [*head, _ordinal_word(last)]


def readings(token: str) -> list[Words]:
    """The ways to say a token made of digits and the signs around them, the likeliest first; none for any other token.

    Knows plain numbers, years and decades, ordinals, decimals, fractions, ranges, ratios, money, percentages, degrees,
    the clock, and digits in groups as in telephone numbers. The token is a whole one, without punctuation around it.
    """
    token = token.lower().replace("−", "-").replace("–", "-").replace("’", "'")
    if not any(c.isdigit() and c.isascii() for c in token) or re.search(rf"\d{{{_LONGEST + 1}}}", token):
        return _vulgar(token)
    for pattern, read in _FORMS:
        if match := pattern.fullmatch(token):
            found = [words for words in read(*match.groups()) if words]
            return [list(words) for words in dict.fromkeys(map(tuple, found))][:_MOST_READINGS]
    return []


def _below_thousand(number: int) -> Words:
    words: Words = []
    if number >= 100:
        words += [_UNITS[number // 100], "hundred"]
    return words + _below_hundred(number % 100) if number % 100 else words


def _below_hundred(number: int) -> Words:
    if number < 20:
        return [_UNITS[number]]
    return [_TENS[number // 10], _UNITS[number % 10]] if number % 10 else [_TENS[number // 10]]


def _ordinal_word(word: str) -> str:
    if word in _ORDINALS:
        return _ORDINALS[word]
    return word[:-1] + "ieth" if word.endswith("y") else word + "th"


def _plural_word(word: str) -> str:
    return word[:-1] + "ies" if word.endswith("y") else word + ("es" if word.endswith("x") else "s")


def _with_and(words: Words) -> list[Words]:
    """As it is, and with "and" after the last hundred or thousand that something small follows."""
    for at in range(len(words) - 1, 0, -1):
        if words[at - 1] in ("hundred", *_SCALES[1:]):
            tail = words[at:]
            if len(tail) <= 2 and "hundred" not in tail and not any(w in _SCALES[1:] for w in tail):
                return [words, [*words[:at], "and", *tail]]
            break
    return [words]


def _digit_by_digit(digits: str) -> list[Words]:
    plain = [_UNITS[int(digit)] for digit in digits]
    return [["oh" if word == "zero" else word for word in plain], plain] if "0" in digits else [plain]


def _pair(digits: str) -> Words:
    """Two digits as in years and on the clock: "oh five", "ten", "hundred"."""
    if digits == "00":
        return ["hundred"]
    return ["oh", _UNITS[int(digits[1])]] if digits[0] == "0" else _below_hundred(int(digits))


def _year(digits: str) -> list[Words]:
    century, rest = digits[:2], digits[2:]
    by_pairs = [*_below_hundred(int(century)), *_pair(rest)]
    full = _with_and(cardinal(int(digits)))
    if digits[1:3] == "00":  # 2000 to 2009, 1000 to 1009
        return [*full, by_pairs] if rest != "00" else full
    return [by_pairs, *full] if 1100 <= int(digits) < 2100 else [*full, by_pairs, *_digit_by_digit(digits)]


def _plain(digits: str) -> list[Words]:
    value = int(digits)
    if (len(digits) > 1 and digits[0] == "0") or len(digits) > 6:
        return [*_digit_by_digit(digits), *_with_and(cardinal(value))]
    match len(digits):
        case 1:
            return [[_UNITS[value]], *([["oh"]] if value == 0 else [])]
        case 2:
            return [_below_hundred(value), *_digit_by_digit(digits)]
        case 3:
            return [*_with_and(cardinal(value)), [_UNITS[value // 100], *_pair(digits[1:])], *_digit_by_digit(digits)]
        case 4:
            return _year(digits)
        case _:
            return [*_with_and(cardinal(value)), *_digit_by_digit(digits)]


def _whole(text: str) -> list[Words]:
    """A whole number; one with thousands separators is not a year."""
    return _with_and(cardinal(int(text.replace(",", "")))) if "," in text else _plain(text)


def _decimal(whole: str, fraction: str) -> list[Words]:
    heads = _with_and(cardinal(int(whole.replace(",", "")))) if whole else [[], ["zero"]]
    return [[*head, "point", *tail] for head in heads for tail in reversed(_digit_by_digit(fraction))]


def _number(text: str) -> list[Words]:
    whole, point, fraction = text.partition(".")
    return _decimal(whole, fraction) if point else _with_and(cardinal(int(whole.replace(",", ""))))


def _counted(sign: str | None, text: str) -> list[Words]:
    signs = {"-": [["minus"], ["negative"]], "+": [["plus"]], "#": [["number"], ["hash"]]}.get(sign or "", [[]])
    numbers = _decimal(*text.split(".")) if "." in text else _whole(text)
    return [[*before, *number] for number in numbers for before in signs]


def _money(sign: str, amount: str, cents: str | None, magnitude: str | None) -> list[Words]:
    one, many, small_one, small_many = _CURRENCIES[sign]
    if magnitude:
        text = f"{amount}.{cents}" if cents else amount
        return [[*number, _MAGNITUDES[magnitude], many] for number in _number(text)]
    value = int(amount.replace(",", ""))
    unit = one if value == 1 else many
    if not cents or int(cents) == 0:
        return [[*number, unit] for number in [*_with_and(cardinal(value)), *([["a"]] if value == 1 else [])]]
    if len(cents) != 2:
        return [[*number, many] for number in _number(f"{amount}.{cents}")]
    small = _below_hundred(int(cents))
    coins = small_one if int(cents) == 1 else small_many
    if value == 0:
        return [[*small, coins], ["zero", many, "and", *small, coins]]
    whole = cardinal(value)
    return [
        [*whole, unit, *small],
        [*whole, unit, "and", *small, coins],
        [*whole, *_pair(cents)],
        [*whole, unit, *small, coins],
        [*whole, "point", *_digit_by_digit(cents)[-1], many],
    ]


def _money_after(amount: str, cents: str | None, sign: str) -> list[Words]:
    return _money(sign, amount, cents, None)


def _measured(text: str, sign: str) -> list[Words]:
    units = {"%": [["percent"]], "°": [["degrees"], ["degree"]]}[sign]
    return [[*number, *unit] for number in _number(text) for unit in units]


def _clock(hour: str, minute: str, second: str | None, half: str | None) -> list[Words]:
    letters = [half[0], "m"] if half else []
    hours = _below_hundred(int(hour))
    seconds = _pair(second) if second and second != "00" else []
    if minute == "00" and not seconds:
        plain = [hours, [*hours, "o'clock"], [*hours, "hundred"]]
    else:
        plain = [[*hours, *_pair(minute), *seconds]]
    return [[*words, *letters] for words in plain]


def _hour(hour: str, half: str) -> list[Words]:
    return [[*_below_hundred(int(hour)), half[0], "m"]]


def _nth(text: str) -> list[Words]:
    return _with_and(ordinal(int(text.replace(",", ""))))


def _plural(digits: str) -> list[Words]:
    """Decades and plurals: "1990s", "80's"."""
    return [[*words[:-1], _plural_word(words[-1])] for words in _plain(digits)]


def _fraction(above: str, below: str) -> list[Words]:
    first, second = int(above), int(below)
    names = {2: "half", 4: "quarter"}
    found: list[Words] = []
    if 0 < first < second <= 100:
        name = [names[second]] if second in names else ordinal(second)
        if first > 1:
            name = [*name[:-1], "halves" if second == 2 else _plural_word(name[-1])]
        found.append([*_below_hundred(first), *name])
        if first == 1:
            found.append(["a", *name])
    top, bottom = cardinal(first), _plain(below)[0]
    return [*found, [*top, *bottom], [*top, "over", *bottom], [*top, "slash", *bottom], [*top, "out", "of", *bottom]]


def _date(first: str, second: str, third: str) -> list[Words]:
    return [[*_plain(first)[0], *_plain(second)[0], *year] for year in _plain(third)[:2]]


def _mixed(whole: str, sign: str) -> list[Words]:
    """Such as 2½."""
    above, below = _FRACTIONS[sign]
    parts = _fraction(str(above), str(below))[:2]
    return [[*cardinal(int(whole)), "and", *part] for part in reversed(parts)]


def _vulgar(token: str) -> list[Words]:
    if token in _FRACTIONS:
        above, below = _FRACTIONS[token]
        return _fraction(str(above), str(below))[: 2 if above == 1 else 1]
    return []


def _between(first: str, second: str) -> list[Words]:
    left, right = _plain(first), _plain(second)
    return [[*left[0], "to", *right[0]], [*left[0], *right[0]], *([*a, *b] for a in left[:2] for b in right[:2])]


def _ratio(first: str, second: str) -> list[Words]:
    left, right = cardinal(int(first)), cardinal(int(second))
    return [[*left, "to", *right], [*left, *right]]


def _scaled(text: str, magnitude: str) -> list[Words]:
    """Such as 5k, 1.5m: the letter by its name, or what it stands for."""
    return [[*number, said] for number in _number(text)[:2] for said in (_MAGNITUDES[magnitude], *magnitude)]


def _groups(text: str) -> list[Words]:
    """Digits in groups, as in a telephone number, an address or a version."""
    groups = re.findall(r"\d+", text)
    if "." in text and "-" not in text:
        said = [_plain(group)[0] for group in groups]
        return [[*said[0], *(word for words in said[1:] for word in (mark, *words))] for mark in ("point", "dot")]
    oh, zero = [], []
    for group in groups:
        hundreds = [_UNITS[int(group[0])], "hundred"] if re.fullmatch("[1-9]00", group) else []
        spelt = _digit_by_digit(group)
        oh += hundreds or spelt[0]
        zero += hundreds or spelt[-1]
    return [oh, zero, *_digit_by_digit("".join(groups))]


_WHOLE = r"\d+|\d{1,3}(?:,\d{3})+"
_SIGNS = "[" + "".join(_CURRENCIES) + "]"
_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[..., Iterable[Words]]], ...]] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (rf"([-+#])?((?:{_WHOLE})(?:\.\d+)?|\.\d+)", _counted),
        (rf"({_WHOLE})(?:st|nd|rd|th)", _nth),
        (r"(\d+)'?s", _plural),
        (r"([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))? ?(?:([ap])\.?m\.?)?", _clock),
        (r"([01]?\d) ?([ap])\.?m\.?", _hour),
        (r"(\d+):(\d+)", _ratio),
        (rf"({_SIGNS})({_WHOLE})(?:\.(\d+))?(k|mn?|bn?|tn?)?", _money),
        (rf"({_WHOLE})(?:\.(\d+))?({_SIGNS})", _money_after),
        (rf"((?:{_WHOLE})(?:\.\d+)?)(%|°)", _measured),
        (r"(\d+)/(\d+)", _fraction),
        (r"(\d+)/(\d+)/(\d+)", _date),
        (rf"(\d+)([{''.join(_FRACTIONS)}])", _mixed),
        (r"(\d{1,4})-(\d{1,3})", _between),
        (r"(\d{4})-(\d{4})", _between),
        (r"(\+?[\d(][\d().-]*\d)", _groups),
        (rf"((?:{_WHOLE})(?:\.\d+)?)(k|mn?|bn?|tn?)", _scaled),
    )
)
