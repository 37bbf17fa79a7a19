"""Laws of phrases as sherpa-onnx takes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.request import Phrase
from dragoman.engines.sherpa.phrases import hot_words

pytestmark = pytest.mark.unit

UPPER = frozenset("▁ABCDEFGHIJKLMNOPQRSTUVWXYZ'")
BOTH = UPPER | frozenset("abcdefghijklmnopqrstuvwxyzé")


def spellings(written: str) -> dict[str, float]:
    """Of each phrase its bonus."""
    return {line.rpartition(" :")[0]: float(line.rpartition(" :")[2]) for line in written.split("/") if line}


@given(st.lists(st.builds(Phrase, st.text(max_size=20), st.floats(0, 5)), max_size=5), st.sampled_from([UPPER, BOTH]))
def test_whatever_is_asked_for_only_letters_of_the_model_and_bonuses_are_written(
    phrases: list[Phrase], letters: frozenset[str]
) -> None:
    for spelling, bonus in spellings(hot_words(phrases, letters)).items():
        assert spelling == " ".join(spelling.split())
        assert set(spelling) <= letters | {" "}
        assert bonus >= 0


def test_a_model_of_one_case_is_given_that_case() -> None:
    assert list(spellings(hot_words([Phrase("New york")], UPPER))) == ["NEW YORK"]


def test_a_model_of_both_cases_is_given_the_phrase_as_it_is_and_with_a_capital() -> None:
    assert list(spellings(hot_words([Phrase("café Oslo")], BOTH))) == ["café Oslo", "Café Oslo"]


def test_letters_that_the_model_does_not_know_lose_their_accents() -> None:
    assert list(spellings(hot_words([Phrase("Škoda-Octavia’s")], UPPER))) == ["SKODA OCTAVIA'S"]
    assert list(spellings(hot_words([Phrase("Škoda-Octavia’s")], UPPER - {"'"}))) == ["SKODA OCTAVIAS"]


@pytest.mark.parametrize("text", ["route 66", "你好", "", "...", "#"])
def test_a_phrase_that_cannot_be_spelt_is_left_out_whole(text: str) -> None:
    assert hot_words([Phrase(text), Phrase("Oslo")], UPPER) == hot_words([Phrase("Oslo")], UPPER)


@given(st.floats(0.1, 5))
def test_the_bonus_is_in_proportion_to_the_weight(weight: float) -> None:
    (light,) = spellings(hot_words([Phrase("Oslo", weight)], UPPER)).values()
    (double,) = spellings(hot_words([Phrase("Oslo", 2 * weight)], UPPER)).values()
    assert double == pytest.approx(2 * light, abs=0.002)


def test_a_phrase_without_weight_is_not_preferred() -> None:
    assert hot_words([Phrase("Oslo", 0)], UPPER) == ""


def test_each_member_of_a_class_makes_a_phrase() -> None:
    written = hot_words([Phrase("to $city now")], UPPER, lambda name: {"city": ("Oslo", "Rome 2", "Bonn")}[name])
    assert list(spellings(written)) == ["TO OSLO NOW", "TO BONN NOW"]
