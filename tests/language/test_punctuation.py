"""Bare words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.language.punctuation import bare

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Hello,", "Hello"),
        ('"Why?"', "Why"),
        ("don't", "don't"),
        ("co-op.", "co-op"),
        ("¿Qué?", "Qué"),
        ("50%", "50%"),
        ("$3.50.", "$3.50"),
        ("…", ""),
        ("", ""),
    ],
)
def test_only_punctuation_around_a_word_goes(word: str, expected: str) -> None:
    assert bare(word) == expected


@given(st.text())
def test_baring_twice_changes_nothing_more(word: str) -> None:
    assert bare(word) in word
    assert bare(bare(word)) == bare(word)


@given(st.from_regex(r"\w+", fullmatch=True).filter(lambda word: "_" not in word))
def test_letters_and_digits_stay(word: str) -> None:
    assert bare(word) == word
