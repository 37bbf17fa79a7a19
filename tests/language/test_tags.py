"""Language tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.language.tags import _ALIASES, _CODES, _LANGUAGES, _NAMES, _entries, english_name, iso_639_1

pytestmark = pytest.mark.unit

# The mapping as other people publish it (ISO 639-3 code tables), sampled over scripts and continents.
KNOWN = {
    "dan": "da",
    "eng": "en",
    "deu": "de",
    "ger": "de",
    "fra": "fr",
    "fre": "fr",
    "zho": "zh",
    "chi": "zh",
    "cmn": "zh",
    "ces": "cs",
    "cze": "cs",
    "nld": "nl",
    "arb": "ar",
    "nob": "nb",
    "isl": "is",
    "heb": "he",
    "iw": "he",
    "swh": "sw",
    "hye": "hy",
    "zul": "zu",
}


@pytest.mark.parametrize(("code", "two"), KNOWN.items())
def test_three_letter_codes_have_their_two_letter_code(code: str, two: str) -> None:
    assert iso_639_1(code) == two


@given(
    st.sampled_from(sorted(_CODES)),
    st.lists(st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True), max_size=3),
    st.sampled_from("-_"),
    st.booleans(),
)
def test_case_and_subtags_do_not_change_the_language(
    code: str, subtags: list[str], separator: str, shout: bool
) -> None:
    tag = separator.join([code, *subtags])
    assert iso_639_1(tag.upper() if shout else tag) == _CODES[code]


@pytest.mark.parametrize(
    "tag", ["", "e", "english", "xx", "qqq", "en-", "en--US", "e n", "en.US", "日本", "en-toolongsubtag"]
)
def test_what_is_no_known_language_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="language"):
        iso_639_1(tag)


def test_every_code_leads_to_a_named_language() -> None:
    assert set(_CODES.values()) == set(_NAMES)
    assert all(len(code) == 2 and english_name(code) == english_name(code).lower().strip() for code in _NAMES)


def test_names_are_those_of_the_open_vocabulary() -> None:
    """Some of the names that OpenAI's Whisper uses, sampled over the table."""
    names = {"en": "english", "de": "german", "zh": "chinese", "ht": "haitian creole", "nn": "nynorsk", "my": "myanmar"}
    assert {code: english_name(code) for code in names} == names
    assert english_name("yue") == "yue"


def test_two_letter_codes_stay_what_they_are() -> None:
    assert all(iso_639_1(two) == two for two in _NAMES)


def test_no_code_is_in_the_tables_twice() -> None:
    codes = [code for two, three, _ in _entries(_LANGUAGES) for code in (two, three)]
    codes += [alias for alias, _ in _entries(_ALIASES)]
    assert len(codes) == len(set(codes)) == len(_CODES)
