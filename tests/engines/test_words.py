"""Laws of tokens and words, over tokens that are pieces of UTF-8, as Whisper's are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.words import begins_word, spelt, word_probability, words_of

pytestmark = pytest.mark.unit


def decode(tokens: Sequence[int]) -> str:
    """Tokens are bytes."""
    return bytes(tokens).decode("utf-8", "replace")


TEXTS = st.text(st.sampled_from("ab Zé,.-' 你好，。ยü🎉\n"), max_size=40).map(lambda text: f" {text}")
LANGUAGES = st.sampled_from(["en", "fr", "zh", "ja", "th"])


@given(TEXTS, LANGUAGES)
def test_the_words_are_the_text_without_its_spaces(text: str, language: str) -> None:
    words = words_of(list(text.encode()), decode, language)
    assert "".join(word.text for word in words) == "".join(text.split())
    assert all(word.text and not any(map(str.isspace, word.text)) for word in words)


@given(st.lists(st.integers(0, 255), max_size=40), LANGUAGES)
def test_words_are_places_in_order_whatever_the_tokens(tokens: list[int], language: str) -> None:
    words = words_of(tokens, decode, language)
    places = [place for word in words for place in word.tokens]
    assert places == sorted(set(places))
    assert set(places) <= set(range(len(tokens)))
    assert all("�" not in word.text for word in words)


@given(TEXTS)
def test_with_spaces_there_are_as_many_words_as_the_text_has(text: str) -> None:
    words = words_of(list(text.replace("\n", " ").encode()), decode, "en")
    assert [word.text for word in words] == text.split()


def test_without_spaces_punctuation_stays_with_its_neighbour() -> None:
    assert [word.text for word in words_of(list("「你好，我。".encode()), decode, "zh")] == ["「你", "好，", "我。"]


@given(st.text("abü你", min_size=1, max_size=8), LANGUAGES)
def test_a_word_as_the_model_spells_it_begins_a_word(word: str, language: str) -> None:
    assert begins_word(spelt(word, language), language)


@given(TEXTS, st.data())
def test_a_word_is_as_likely_as_its_letters_together_whatever_its_punctuation(text: str, data: st.DataObject) -> None:
    tokens = list(text.encode())
    probabilities = data.draw(st.lists(st.floats(0, 1), min_size=len(tokens), max_size=len(tokens)))
    for word in words_of(tokens, decode, "en"):
        found = word_probability(word, tokens, probabilities, decode)
        assert (
            0 <= found <= min([probabilities[at] for at in word.tokens if decode(tokens[at : at + 1]).isalnum()] or [1])
        )
