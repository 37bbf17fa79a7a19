"""The confidence of words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.moonshine.confidence import agreements, confidences, draft_confidence
from dragoman.engines.moonshine.selection import Scored

pytestmark = pytest.mark.unit

log_probabilities = st.floats(-40, 0)


@given(st.lists(st.tuples(log_probabilities, st.floats(0, 1)), max_size=8))
def test_a_confidence_is_a_probability_and_every_word_has_one(words: list[tuple[float, float]]) -> None:
    found = confidences([own for own, _ in words], [agreed for _, agreed in words])
    assert len(found) == len(words)
    assert all(0 < value < 1 for value in found)


@given(st.lists(log_probabilities, min_size=1, max_size=5), st.data())
def test_more_evidence_never_lowers_a_confidence(own: list[float], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(own) - 1))
    better = [*own[:at], data.draw(st.floats(own[at], 0)), *own[at + 1 :]]
    agreed = [0.5] * len(own)
    assert all(a <= b + 1e-12 for a, b in zip(confidences(own, agreed), confidences(better, agreed), strict=True))
    more = [*agreed[:at], 0.9, *agreed[at + 1 :]]
    assert confidences(own, more)[at] > confidences(own, agreed)[at]


@given(log_probabilities, log_probabilities)
def test_a_likelier_word_of_a_draft_has_no_less_confidence(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 < draft_confidence(low) <= draft_confidence(high) < 1


def test_agreement_is_the_share_of_probability_that_has_the_word() -> None:
    lists = [[Scored(("the", "cat", "sat"), -1.0), Scored(("the", "mat", "sat"), -1.0)]]
    assert agreements(["the", "cat", "sat"], lists) == pytest.approx([1, 0.5, 1])
    other = [[Scored(("a", "cat", "sat"), -9.0)]]
    assert agreements(["the", "cat", "sat"], lists + other) == pytest.approx([0.5, 0.75, 1])
