from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.language.lexicon import Lexicon
from dragoman.language.notation import SYMBOLS, UnsupportedPhoneme, from_phonexia, to_phonexia
from dragoman.language.phonemes import PHONEMES, is_phoneme

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    lexicon = Lexicon()
    lexicon.load()
    return lexicon


@given(st.lists(st.sampled_from(PHONEMES)).map(tuple))
def test_a_pronunciation_survives_the_notation(phones: tuple[str, ...]) -> None:
    assert from_phonexia(to_phonexia(phones)) == phones


@given(st.lists(st.sampled_from(SYMBOLS)))
def test_the_notation_survives_a_pronunciation(symbols: list[str]) -> None:
    assert to_phonexia(from_phonexia(" ".join(symbols))) == " ".join(symbols)


def test_every_phone_has_a_symbol_of_its_own() -> None:
    assert len(SYMBOLS) == len(set(SYMBOLS)) == len(PHONEMES)
    assert {from_phonexia(symbol) for symbol in SYMBOLS} == {(phone,) for phone in PHONEMES}


def test_nothing_of_the_lexicon_is_lost(lexicon: Lexicon) -> None:
    for word in lexicon.words():
        for phones in lexicon.pronunciations(word):
            assert from_phonexia(to_phonexia(phones)) == phones


@pytest.mark.parametrize(("word", "written"), [("preferred", "p r I f @r d"), ("phrase", "f r eI z")])
def test_the_examples_of_the_document_come_out_of_the_lexicon(lexicon: Lexicon, word: str, written: str) -> None:
    assert written in map(to_phonexia, lexicon.pronunciations(word))


def test_the_unstressed_vowel_may_be_written_as_such() -> None:
    assert from_phonexia("@ b aU t") == from_phonexia("V b aU t") == ("AH", "B", "AW", "T")


@given(st.lists(st.sampled_from(SYMBOLS), min_size=1), st.text(" \t\n\u00a0", min_size=1))
def test_any_space_keeps_symbols_apart(symbols: list[str], space: str) -> None:
    assert from_phonexia(space + space.join(symbols) + space) == from_phonexia(" ".join(symbols))


@given(st.text() | st.lists(st.sampled_from([*SYMBOLS, "@", "AA", "q"])).map(" ".join))
def test_any_text_is_a_pronunciation_or_names_what_is_not(text: str) -> None:
    symbols = text.split()
    if all(symbol in (*SYMBOLS, "@") for symbol in symbols):
        assert all(map(is_phoneme, from_phonexia(text)))
        assert len(from_phonexia(text)) == len(symbols)
    else:
        with pytest.raises(UnsupportedPhoneme) as raised:
            from_phonexia(text)
        assert raised.value.symbol in symbols


@pytest.mark.parametrize(
    ("symbol", "meant"),
    [("i", "i:"), ("IY1", "i:"), ("NG", "N"), ("e", "eI"), ("o", "listed phonemes"), ("prIf@rd", "listed phonemes")],
)
def test_a_wrong_symbol_is_answered_with_the_right_one(symbol: str, meant: str) -> None:
    with pytest.raises(UnsupportedPhoneme) as raised:
        from_phonexia(f"k {symbol} t")
    assert raised.value.symbol == symbol
    assert repr(symbol) in str(raised.value)
    assert meant in str(raised.value)


def test_the_message_stays_short_whatever_was_written() -> None:
    with pytest.raises(UnsupportedPhoneme) as raised:
        from_phonexia("x" * 10_000)
    assert len(str(raised.value)) < 200
