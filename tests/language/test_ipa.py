"""Pronunciations in the International Phonetic Alphabet."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.language.ipa import UnsupportedSign, from_ipa, to_ipa
from dragoman.language.phonemes import PHONEMES

pytestmark = pytest.mark.unit

phones = st.lists(st.sampled_from(PHONEMES), max_size=20).map(tuple)


@given(phones)
def test_every_pronunciation_comes_back(pronunciation: tuple[str, ...]) -> None:
    assert from_ipa(to_ipa(pronunciation)) == pronunciation


def test_every_phone_has_a_sign_of_its_own() -> None:
    assert len({to_ipa((phone,)) for phone in PHONEMES}) == len(PHONEMES)


@pytest.mark.parametrize(
    ("text", "pronunciation"),
    [
        ("/ləsˈændʒələs/", "L AH S AE N JH AH L AH S"),
        ("k ə m p j uː t ɚ", "K AH M P Y UW T ER"),
        ("ˈt͡ʃɛɹi", "CH EH R IY"),
        ("ʤɔɪ", "JH OY"),
        ("həʊm", "HH OW M"),
        ("ˈbʌtn̩", "B AH T AH N"),
        ("[ˈwɔːtər]", "W AO T ER"),
        ("nɜːs", "N ER S"),
        ("θ ɪ ŋ", "TH IH NG"),
        ("ɡreɪt gɹeit", "G R EY T G R EY T"),
        ("", ""),
        ("  ˈ ", ""),
    ],
)
def test_transcriptions_of_several_hands_are_read(text: str, pronunciation: str) -> None:
    assert from_ipa(text) == tuple(pronunciation.split())


def test_sounds_that_stand_apart_are_apart() -> None:
    assert from_ipa("t ʃ") == ("T", "SH")
    assert from_ipa("tʃ") == ("CH",)


@pytest.mark.parametrize(("text", "sign"), [("b ø t", "ø"), ("K", "K"), ("ʘ", "ʘ"), ("x", "x"), ("д", "д"), ("1", "1")])
def test_a_sound_that_english_has_not_is_named(text: str, sign: str) -> None:
    with pytest.raises(UnsupportedSign) as refused:
        from_ipa(text)
    assert refused.value.sign == sign
    assert f"U+{ord(sign):04X}" in str(refused.value)


@given(st.text(max_size=50))
def test_no_text_breaks_it(text: str) -> None:
    with suppress(UnsupportedSign):
        assert set(from_ipa(text)) <= set(PHONEMES)
