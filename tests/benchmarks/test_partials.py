"""Laws of how partials are judged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.partials import Shown, stands_still_ms, waits_ms
from dragoman.core.events import Final, Partial
from dragoman.core.transcript import Segment, Word

pytestmark = pytest.mark.unit

TEXTS = st.lists(st.text("abcdefghijklm", min_size=1, max_size=4), min_size=1, max_size=8, unique=True)


def segment(texts: list[str]) -> Segment:
    words = tuple(Word(text, 500 * at, 500 * (at + 1), 1.0) for at, text in enumerate(texts))
    return Segment(0, 0, 0, 500 * len(texts), " ".join(texts), 1.0, words)


def heard(texts: list[str], shown: list[tuple[int, int]]) -> Shown:
    """Partials of so many words each, and the final a second after the end."""
    partials = [(now_ms, Partial(segment(texts[:count]))) for now_ms, count in shown]
    return Shown(0, partials, (500 * len(texts) + 1_000, Final(segment(texts))))


@given(TEXTS, st.integers(0, 400))
def test_words_that_are_shown_at_once_wait_for_nothing_and_the_text_moves(texts: list[str], late_ms: int) -> None:
    utterance = heard(texts, [(500 * at + late_ms, at) for at in range(1, len(texts) + 1)])
    words = segment(texts).words
    assert waits_ms(utterance, words) == [late_ms] * len(texts)
    assert stands_still_ms(utterance, words) <= 500 + late_ms


@given(TEXTS)
def test_without_partials_words_wait_for_the_final_and_the_text_stands_still(texts: list[str]) -> None:
    utterance = heard(texts, [])
    words = segment(texts).words
    assert waits_ms(utterance, words) == [500 * left + 1_000 for left in reversed(range(len(texts)))]
    assert stands_still_ms(utterance, words) == words[-1].end_ms


@given(TEXTS, st.lists(st.integers(0, 5_000), min_size=1, max_size=10))
def test_a_partial_told_again_does_not_move_the_text(texts: list[str], again_ms: list[int]) -> None:
    words = segment(texts).words
    once = heard(texts, [(0, 1)])
    assert stands_still_ms(heard(texts, [(0, 1), *((at, 1) for at in sorted(again_ms))]), words) == stands_still_ms(
        once, words
    )
