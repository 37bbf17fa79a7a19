from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.language.graphemes import GRAPHEMES, WORD_SEPARATOR, fold, unsupported_graphemes, words_of
from dragoman.language.lexicon import Lexicon

pytestmark = pytest.mark.unit


@given(st.text())
def test_every_folded_character_has_its_place_in_order(text: str) -> None:
    folded, origin = fold(text)
    assert len(folded) == len(origin)
    assert origin == sorted(origin)
    assert all(0 <= place < len(text) for place in origin)


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_stays_as_it_is(text: str) -> None:
    assert fold(text) == (text, list(range(len(text))))


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    once = fold(text)[0]
    assert fold(once)[0] == once


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("café", "cafe"),
        ("Ångström", "Angstrom"),
        ("Straße", "Strasse"),
        ("Łódź", "Lodz"),
        ("Ærø", "AEro"),
        ("ﬁne", "fine"),
        ("O’Brien", "O'Brien"),
        ("１２", "12"),
        ("cafe\u0301", "cafe"),
    ],
)
def test_letters_of_latin_alphabets_become_plain(text: str, folded: str) -> None:
    assert fold(text)[0] == folded


def test_other_scripts_stay_themselves() -> None:
    assert fold("東京")[0] == "東京"
    assert fold("Москва")[0] == "Москва"


def test_graphemes_are_what_the_lexicon_is_written_with() -> None:
    lexicon = Lexicon()
    lexicon.load()
    assert len(set(GRAPHEMES)) == len(GRAPHEMES)
    assert {character for word in lexicon.words() for character in word} == set(GRAPHEMES)


@given(st.text(st.sampled_from([*GRAPHEMES, *"ABCéß1+ \u05d0🍺"])))
def test_other_characters_are_named_once_each(text: str) -> None:
    odd = unsupported_graphemes(text)
    assert set(odd) == {character for character in text if character.lower() not in GRAPHEMES}
    assert len(odd) == len(set(odd))


words = st.text(st.characters(categories=("L", "N")), min_size=1)


@given(st.lists(words, min_size=1), st.sampled_from([WORD_SEPARATOR, " ", "\t", "  "]))
def test_words_put_together_come_apart(listed: list[str], separator: str) -> None:
    assert words_of(separator.join(listed)) == listed


@pytest.mark.parametrize("word", ["C++", "+1", "+", "++", "a++b"])
def test_a_plus_that_separates_nothing_belongs_to_its_word(word: str) -> None:
    assert words_of(word) == [word]


@given(st.text())
def test_no_word_is_empty_and_no_letter_gets_lost(text: str) -> None:
    found = words_of(text)
    assert all(found)
    assert "".join(found).replace("+", "") == "".join(text.split()).replace("+", "")
