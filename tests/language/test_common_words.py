"""Laws of the list of common words."""

from __future__ import annotations

import pytest

from dragoman.language.common_words import is_common
from dragoman.language.lexicon import Lexicon

pytestmark = pytest.mark.unit


def test_what_everybody_says_is_common_in_any_case() -> None:
    assert all(map(is_common, ["the", "The", "THE", "don't", "don’t", "people", "yesterday", "because", "I"]))


def test_names_of_things_and_of_most_people_are_not() -> None:
    assert not any(map(is_common, ["stethoscope", "kubernetes", "Karenina", "tulip", "Привет", "xq"]))
    assert not is_common("")


def test_common_words_are_few_of_those_that_the_lexicon_has() -> None:
    lexicon = Lexicon()
    lexicon.load()
    words = list(lexicon.words())
    assert 0.02 < sum(map(is_common, words)) / len(words) < 0.06
