from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.language.graphemes import fold

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
