"""Laws of spelling by locale."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.language.spelling import LOCALES, respell

pytestmark = pytest.mark.unit

BOTH_WAYS = [
    ("color", "colour"),
    ("organization", "organisation"),
    ("analyzed", "analysed"),
    ("traveling", "travelling"),
    ("center", "centre"),
    ("catalog", "catalogue"),
    ("gray", "grey"),
    ("kilometers", "kilometres"),
    ("hemoglobin", "haemoglobin"),
    ("practiced", "practised"),
    ("skillful", "skilful"),
]
ONLY_TO_AMERICAN = [
    ("program", "programme"),
    ("license", "licence"),
    ("practice", "practise"),
    ("meter", "metre"),
    ("tire", "tyre"),
    ("check", "cheque"),
    ("story", "storey"),
    ("draft", "draught"),
]

locales = st.sampled_from(LOCALES)
words = st.sampled_from([word for pair in BOTH_WAYS + ONLY_TO_AMERICAN for word in pair]) | st.text(max_size=12)
around = st.text(string.punctuation.replace("@", "").replace("_", "").replace(".", "") + "“”’…¿", max_size=3)


@pytest.mark.parametrize(("american", "british"), BOTH_WAYS)
def test_each_side_has_its_own_spelling_and_australia_the_british(american: str, british: str) -> None:
    for locale, expected in (("en-US", american), ("en-GB", british), ("en-AU", british)):
        assert {respell(american, locale), respell(british, locale)} == {expected}


@pytest.mark.parametrize(("american", "british"), ONLY_TO_AMERICAN)
def test_a_word_that_is_right_in_one_of_its_senses_stays(american: str, british: str) -> None:
    assert respell(british, "en-US") == american
    assert respell(american, "en-GB") == american
    assert respell(british, "en-GB") == british


@pytest.mark.parametrize("word", ["analyses", "advertise", "size", "filter", "disc", "ton", "licensed", "axe", "groin"])
@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_right_everywhere_stays(word: str, locale: str) -> None:
    assert respell(word, locale) == word


def test_australians_write_program_and_leave_the_fetus_alone() -> None:
    assert [respell(word, "en-AU") for word in ("Programmes", "fetus", "foetus")] == ["Programs", "fetus", "foetus"]


@given(locale=locales, text=st.lists(words).map(" ".join))
def test_respelling_twice_is_respelling_once(locale: str, text: str) -> None:
    once = respell(text, locale)
    assert respell(once, locale) == once


@given(locale=locales, text=st.text())
def test_words_stay_apart_where_they_were(locale: str, text: str) -> None:
    assert len(respell(text, locale).split()) == len(text.split())


@given(locale=locales, pair=st.sampled_from(BOTH_WAYS), before=around, after=around)
def test_punctuation_stays_and_changes_nothing(locale: str, pair: tuple[str, str], before: str, after: str) -> None:
    for word in pair:
        assert respell(f"{before}{word}{after}", locale) == f"{before}{respell(word, locale)}{after}"


@given(locale=locales, pair=st.sampled_from(BOTH_WAYS).filter(lambda pair: pair[0] not in ("center", "gray")))
def test_capitals_stay(locale: str, pair: tuple[str, str]) -> None:
    for word in pair:
        assert respell(word.upper(), locale) == respell(word, locale).upper()
        assert respell(word.capitalize(), locale) == respell(word, locale).capitalize()


@pytest.mark.parametrize(
    ("written", "british"),
    [
        ("Neighbor's", "Neighbour's"),
        ("colors’,", "colours’,"),
        ("“Color-coded”", "“Colour-coded”"),
        ("center/left", "centre/left"),
        ("defense...", "defence..."),
        ("un-American", "un-American"),
    ],
)
def test_parts_of_a_word_are_respelt_by_themselves(written: str, british: str) -> None:
    assert respell(written, "en-GB") == british


@pytest.mark.parametrize(
    "written",
    ["Gray", "Gray's", "Harbor", "Labor", "iColor", "color.com", "www.color.org", "a@color.com", "@color", "color_2"],
)
def test_names_and_addresses_stay(written: str) -> None:
    assert respell(written, "en-GB") == written
    assert respell("Labour", "en-US") == "Labour"


def test_another_locale_is_refused() -> None:
    with pytest.raises(KeyError):
        respell("color", "en-NZ")
