"""Which hypotheses are not believed."""

from __future__ import annotations

import math

import pytest

from dragoman.engines.guards import is_guess, is_loop

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "text",
    [
        "It was the best of times. It was the worst of times. It was the age of wisdom. It was the age of foolishness.",
        "No, no, no, no.",
        "five five five one two three",
        "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.",
    ],
)
def test_people_repeat_themselves(text: str) -> None:
    assert not is_loop(text)


@pytest.mark.parametrize(
    "text",
    [
        "the other, the other, the other, the other, the other, the other",
        "I think that is what I think that is what I think that is what I think that is what I think that is what",
        "ha ha ha ha ha ha ha ha ha ha ha ha",
    ],
)
def test_a_model_that_has_lost_its_place_does_not(text: str) -> None:
    assert is_loop(text)


def test_what_the_model_gives_no_chance_is_not_believed() -> None:
    assert is_guess(math.log(0.2))
    assert not is_guess(math.log(0.6))
