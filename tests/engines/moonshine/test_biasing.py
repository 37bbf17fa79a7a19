"""Preferred phrases in the decoder: laws over random phrases and random texts, on a small vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.request import Phrase
from dragoman.engines.moonshine.biasing import Biasing, Place, casings
from dragoman.engines.moonshine.tokenizer import END, Tokenizer

pytestmark = pytest.mark.unit

SPACE = "\u2581"
LETTERS = "abc"
PIECES = [*LETTERS, ",", SPACE, *(SPACE + letter for letter in LETTERS), "ab", SPACE + "ab"]
TOKENIZER = Tokenizer(
    [b"<unk>", b"<s>", b"</s>", *(bytes([value]) for value in range(256)), *(piece.encode() for piece in PIECES)]
)
TOKENS = [END, *range(259, 259 + len(PIECES))]
CLASSES = {"name": ("a b", "cab", "b")}

words = st.text("abc", min_size=1, max_size=3)
phrases = st.lists(st.lists(words, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=5)
phrases_with_classes = st.lists(
    st.lists(st.one_of(words, st.just("$name")), min_size=1, max_size=3).map(" ".join), min_size=1, max_size=4
)
texts = st.lists(st.sampled_from(TOKENS[1:]), max_size=12)


def biasing(texts: Sequence[str]) -> Biasing:
    return Biasing([Phrase(text) for text in texts], TOKENIZER, lambda name: CLASSES[name])


def walk(bias: Biasing, tokens: Sequence[int]) -> Place:
    place = bias.start
    for token in tokens:
        place = bias.advance(place, token)
    return place


@settings(max_examples=150, deadline=None)
@given(st.one_of(phrases, phrases_with_classes), texts)
def test_what_is_added_to_a_token_is_what_a_hypothesis_gains_by_it(wanted: list[str], tokens: list[int]) -> None:
    bias = biasing(wanted)
    place = walk(bias, tokens)
    row = np.linspace(-9, -1, len(TOKENIZER.pieces)).astype(np.float32)
    gained = bias.adjust(row.copy(), place) - row
    for token in TOKENS:
        assert gained[token] == pytest.approx(bias.advance(place, token).bonus - place.bonus, abs=1e-4)


@settings(max_examples=150, deadline=None)
@given(phrases, texts)
def test_text_without_any_phrase_keeps_nothing(wanted: list[str], tokens: list[int]) -> None:
    said = TOKENIZER.decode(tokens).replace(",", " ").split()
    bias = biasing(wanted)
    final = bias.advance(walk(bias, tokens), END)
    if not any(_contains(said, casing.split()) for phrase in wanted for casing in casings(phrase)):
        assert final.bonus == pytest.approx(0)


@settings(max_examples=100, deadline=None)
@given(phrases, st.data())
def test_a_phrase_that_is_said_keeps_its_bonus(wanted: list[str], data: st.DataObject) -> None:
    phrase = data.draw(st.sampled_from(wanted))
    tokens = [token for word in phrase.split() for token in TOKENIZER.encode_word(word)]
    bias = biasing(wanted)
    final = bias.advance(walk(bias, tokens), END)
    assert final.bonus >= 2 + 4 * (len(tokens) - 1) - 1e-6


def _contains(words: list[str], part: list[str]) -> bool:
    return any(words[at : at + len(part)] == part for at in range(len(words)))


def test_a_phrase_repeated_at_once_earns_nothing_more() -> None:
    bias = biasing(["cab"])
    cab, comma, other = TOKENIZER.encode_word("cab"), PIECES.index(",") + 259, TOKENIZER.encode_word("b")

    def bonus(*tokens: int) -> float:
        return bias.advance(walk(bias, tokens), END).bonus

    once = bonus(*cab)
    assert bonus(*cab, *cab) == once
    assert bonus(*cab, comma, *cab, comma, *cab) == once
    assert once < bonus(*cab, *other, *cab) < 2 * once


def test_half_a_word_is_not_a_phrase() -> None:
    bias = biasing(["ab"])
    inside = TOKENIZER.encode_word("ab")
    assert bias.advance(walk(bias, inside), END).bonus == 2
    assert bias.advance(walk(bias, inside), TOKENIZER.pieces.index(b"c")).bonus == 0


def test_a_class_stands_for_each_of_its_members_and_the_phrase_goes_on() -> None:
    bias = biasing(["a $name c"])

    def bonus(text: str) -> float:
        tokens = [token for word in text.split() for token in TOKENIZER.encode_word(word)]
        return bias.advance(walk(bias, tokens), END).bonus

    assert bonus("a cab c") > 0
    assert bonus("a a b c") > 0
    assert bonus("a b c") > 0
    assert bonus("a ba c") == 0
    assert bonus("a cab b") == 0
    assert bonus("cab") == 0


def test_a_phrase_may_begin_with_a_class_or_be_one() -> None:
    bias = biasing(["$name c", "$name"])
    tokens = TOKENIZER.encode_word("cab")
    assert bias.advance(walk(bias, tokens), END).bonus > 0


def test_weights_scale_and_nought_switches_off() -> None:
    tokens = TOKENIZER.encode_word("cab")

    def bonus(weight: float) -> float:
        bias = Biasing([Phrase("cab", weight)], TOKENIZER, lambda name: ())
        return bias.advance(walk(bias, tokens), END).bonus

    assert bonus(2) == pytest.approx(2 * bonus(1))
    assert bonus(0) == 0
