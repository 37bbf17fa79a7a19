from __future__ import annotations

import pytest

from dragoman.language.phonemes import CONSONANTS, PHONEMES, VOWELS, is_phoneme, is_vowel

pytestmark = pytest.mark.unit


def test_every_phone_is_a_vowel_or_a_consonant_and_not_both() -> None:
    assert len(PHONEMES) == len(set(PHONEMES)) == 39
    assert set(PHONEMES) == VOWELS | CONSONANTS
    assert not VOWELS & CONSONANTS
    assert [phone for phone in PHONEMES if is_vowel(phone)] == sorted(VOWELS)


@pytest.mark.parametrize("text", ["", "aa", "AA1", "SIL", "+NSN+", "XX", "A", "AA B"])
def test_nothing_else_is_a_phone(text: str) -> None:
    assert not is_phoneme(text)
    assert not is_vowel(text)
