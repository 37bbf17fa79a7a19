"""Which hypotheses are believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.guards import spoken_words
from dragoman.engines.moonshine.selection import Scored, distance, least_expected_error

pytestmark = pytest.mark.unit

words = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=7)


@given(words, words, words)
def test_distance_is_a_metric(a: list[str], b: list[str], c: list[str]) -> None:
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, c) <= distance(a, b) + distance(b, c)
    assert abs(len(a) - len(b)) <= distance(a, b) <= max(len(a), len(b))


def test_known_distances() -> None:
    assert distance(["the", "cat", "sat"], ["a", "cat", "sat", "down"]) == 2
    assert distance([], ["one", "two"]) == 2
    assert distance(["a", "b", "c"], ["b", "c", "d"]) == 2


def test_two_hypotheses_that_agree_outvote_a_single_better_one() -> None:
    first = [
        Scored(spoken_words("The ship sailed at noon."), -1.0),
        Scored(spoken_words("The sheep sails at noon."), -1.3),
    ]
    second = [Scored(spoken_words("the sheep sails at noon"), -1.0)]
    assert least_expected_error([first, second], [1, 1]) == (1, 0)


def test_of_two_readings_the_trusted_one_is_taken() -> None:
    lists = [[Scored(("one",), -1.0)], [Scored(("two",), -1.0)]]
    assert least_expected_error(lists, [0.6, 0.5]) == (0, 0)
    assert least_expected_error(lists, [0.5, 0.6]) == (1, 0)


@given(st.lists(st.tuples(st.text("ab ", max_size=6), st.floats(-9, 0)), min_size=1, max_size=5))
def test_a_single_list_of_one_wording_keeps_its_best(entries: list[tuple[str, float]]) -> None:
    same = [Scored(("word",), score) for _, score in entries]
    _, place = least_expected_error([same], [0.3])
    assert same[place].score == pytest.approx(max(score for _, score in entries))
