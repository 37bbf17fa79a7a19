"""Numbers said by the module are read back by a reader written here, from the other side."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.language.lexicon import Lexicon
from dragoman.language.numbers import cardinal, ordinal, readings

pytestmark = pytest.mark.unit

UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SMALL = {word: number for number, word in enumerate(UNITS)}
SMALL |= {word: 10 * ten for ten, word in enumerate(TENS, start=2)}
SCALES = ("thousand", "million", "billion", "trillion", "quadrillion")
LARGE = {word: 1000**power for power, word in enumerate(SCALES, start=1)}
DIGITS = {word: str(value) for word, value in SMALL.items() if value < 10} | {"oh": "0"}


def value(words: list[str]) -> int:
    total = group = 0
    for word in words:
        if word == "hundred":
            group *= 100
        elif word in LARGE:
            total, group = total + group * LARGE[word], 0
        elif word != "and":
            group += SMALL[word]
    return total + group


def said(token: str) -> list[str]:
    return [" ".join(words) for words in readings(token)]


@given(st.integers(0, 10**18 - 1))
def test_a_cardinal_says_its_number(number: int) -> None:
    assert value(cardinal(number)) == number


@given(st.integers(10**18, 10**30))
def test_a_number_without_a_name_is_said_by_its_digits(number: int) -> None:
    assert "".join(DIGITS[word] for word in cardinal(number)) == str(number)


@given(st.integers(1, 10**6))
def test_an_ordinal_differs_from_its_cardinal_in_the_last_word(number: int) -> None:
    *head, last = ordinal(number)
    assert head == cardinal(number)[:-1]
    assert last in {"first", "second", "third"} or last.endswith("th")


@given(st.integers(1000, 10**12))
def test_separators_leave_one_number_with_or_without_and(number: int) -> None:
    found = readings(f"{number:,}")
    assert found
    assert {value(words) for words in found} == {number}


@given(st.from_regex(r"[0-9]{7,20}", fullmatch=True))
def test_long_digit_strings_are_said_digit_by_digit_first(digits: str) -> None:
    assert "".join(DIGITS[word] for word in readings(digits)[0]) == digits


@given(st.integers(1100, 2099).filter(lambda year: year % 100 >= 10))
def test_years_are_said_in_pairs_or_in_full(year: int) -> None:
    first, *others = readings(str(year))
    half = len(first) - len(cardinal(year % 100))
    assert (value(first[:half]), value(first[half:])) == divmod(year, 100)
    assert year in {value(words) for words in others}


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("5", "five"),
        ("07", "oh seven"),
        ("110", "one hundred ten"),
        ("110", "one hundred and ten"),
        ("110", "one ten"),
        ("1900", "nineteen hundred"),
        ("1066", "ten sixty six"),
        ("2005", "two thousand and five"),
        ("2018", "twenty eighteen"),
        ("2018", "two thousand eighteen"),
        ("1st", "first"),
        ("22nd", "twenty second"),
        ("3,000th", "three thousandth"),
        ("1990s", "nineteen nineties"),
        ("80's", "eighties"),
        ("3.14", "three point one four"),
        (".5", "point five"),
        ("1/2", "a half"),
        ("3/4", "three quarters"),
        ("2/3", "two thirds"),
        ("9/11", "nine eleven"),
        ("24/7", "twenty four seven"),
        ("½", "one half"),
        ("2½", "two and a half"),
        ("10-12", "ten to twelve"),
        ("2018–19", "twenty eighteen nineteen"),
        ("3:1", "three to one"),
        ("10:30", "ten thirty"),
        ("10:05", "ten oh five"),
        ("10:00", "ten o'clock"),
        ("5:45pm", "five forty five p m"),
        ("5pm", "five p m"),
        ("11a.m.", "eleven a m"),
        ("$3.50", "three dollars fifty"),
        ("$3.50", "three dollars and fifty cents"),
        ("$3.50", "three fifty"),
        ("$0.99", "ninety nine cents"),
        ("$1", "one dollar"),
        ("$1,000", "one thousand dollars"),
        ("$1.5bn", "one point five billion dollars"),
        ("£20", "twenty pounds"),
        ("€2.01", "two euros and one cent"),
        ("5%", "five percent"),
        ("20°", "twenty degrees"),
        ("-5", "minus five"),
        ("#1", "number one"),
        ("5k", "five thousand"),
        ("555-1234", "five five five one two three four"),
        ("1-800-555-1234", "one eight hundred five five five one two three four"),
        ("192.168.0.1", "one hundred ninety two point one hundred sixty eight point zero point one"),
        ("12/25/2018", "twelve twenty five twenty eighteen"),
    ],
)
def test_a_speaker_may_say(token: str, expected: str) -> None:
    assert expected in said(token)


@pytest.mark.parametrize("token", ["", "hello", "-", "$", "1st2", "a1", "1e5", "東京", "1__2"])
def test_what_is_no_number_has_no_reading(token: str) -> None:
    assert readings(token) == []


@given(st.text(st.sampled_from("0123456789.,:/-+$£€¥₹¢%°½¼#'stndrhkmbpa "), max_size=30))
def test_readings_are_few_different_and_made_of_words_in_the_lexicon(token: str) -> None:
    found = readings(token)
    assert len(found) <= 6
    assert len(set(map(tuple, found))) == len(found)
    assert all(found)
    for words in found:
        for word in words:
            assert word in LEXICON or word.removesuffix("s") in LEXICON or word.removesuffix("es") in LEXICON


def test_a_number_nobody_can_say_is_refused_at_once() -> None:
    started = time.perf_counter()
    assert readings("1" * 100_000) == []
    assert readings("$" + "1," * 50_000 + "1") == []
    assert time.perf_counter() - started < 1


LEXICON = Lexicon()
LEXICON.load()
