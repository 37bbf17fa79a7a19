"""Laws of what is heard: tokens of any kind → the words of the text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.sherpa.heard import UNKNOWN, Heard, words_in

pytestmark = pytest.mark.unit

TOKENS = st.lists(st.sampled_from([" he", "llo", " wor", "ld", ".", " ", "你", "好", "，", "ß"]), max_size=12)


@given(TOKENS, st.sampled_from(["en", "zh"]), st.booleans(), st.booleans())
def test_the_words_are_the_text_in_order_whatever_is_known_of_the_tokens(
    tokens: list[str], language: str, timed: bool, sure: bool
) -> None:
    starts = [40 * at for at in range(len(tokens))] if timed else []
    heard = Heard("".join(tokens).strip(), tokens, starts, [-0.1] * len(tokens) if sure else [])
    words = words_in(heard, language)
    assert "".join(word.text for word in words) == "".join("".join(tokens).split())
    assert all(0 < word.confidence <= 1 for word in words)
    if timed:
        edges = [edge for word in words for edge in (word.start_ms, word.end_ms)]
        assert edges == sorted(edges)
    else:
        assert all(word.start_ms is None for word in words)


def test_a_word_is_as_likely_as_its_tokens_together_and_begins_with_the_first() -> None:
    heard = Heard("HELLO WORLD", [" HE", "LLO", " WORLD"], [0, 40, 600], [math.log(0.5), math.log(0.5), 0.3])
    hello, world = words_in(heard, "en")
    assert (hello.text, hello.start_ms, hello.end_ms) == ("HELLO", 0, 440)
    assert hello.confidence == pytest.approx(0.25)
    assert world.confidence == 1  # some models count the bonus of a phrase as well


def test_without_probabilities_every_word_has_that_of_any_word() -> None:
    assert [word.confidence for word in words_in(Heard("a b", ["▁a", "▁b"]), "en")] == [UNKNOWN, UNKNOWN]


def test_letters_come_together_from_their_bytes() -> None:
    (word,) = words_in(Heard("ü", [" ", "<0xC3>", "<0xBC>"], [0, 40, 80], [0, 0, 0]), "de")
    assert (word.text, word.start_ms) == ("ü", 0)


def test_what_is_not_said_is_no_word() -> None:
    assert [
        word.text for word in words_in(Heard(" a", ["<unk>", " a", "<|HAPPY|>"], [0, 40, 80], [0, 0, 0]), "en")
    ] == ["a"]


def test_where_the_tokens_are_written_in_another_way_the_text_has_the_last_word() -> None:
    words = words_in(Heard("zwei Wörter", ["ƎţŇ", "ŖŌ"], [0, 40], [0, 0]), "de")
    assert [word.text for word in words] == ["zwei", "Wörter"]
    assert [word.start_ms for word in words] == [None, None]


def test_in_a_language_without_spaces_latin_letters_stay_together() -> None:
    tokens = ["我", "▁HE", "LLO", "你"]
    assert [word.text for word in words_in(Heard("我 HELLO你", tokens), "zh")] == ["我", "HELLO", "你"]
