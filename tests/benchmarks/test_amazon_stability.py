"""What the benchmark of stabilisation counts."""

from __future__ import annotations

import pytest

from benchmarks.amazon_stability import Heard, Level, count
from dragoman.apis.amazon_transcribe.stability import Stability
from dragoman.core.events import Final, Partial, SpeechEnded, SpeechStarted
from scripted import spoken

pytestmark = pytest.mark.unit

HEARD: Heard = [
    (0.6, SpeechStarted(0, 0, 500)),
    (1.0, Partial(spoken("yellow"))),
    (2.0, Partial(spoken("hello there"))),
    (3.0, Partial(spoken("hello there"), 2)),
    (4.0, Final(spoken("Hello there."))),
    (4.0, SpeechEnded(0, 0, 1_200)),
]
"""The words end at 0.8 and 1.2 seconds."""


def counted(level: Stability | None) -> Level:
    return count([HEARD], level, [["hello", "there"]])


def test_delays_are_from_the_end_of_a_word_until_its_place_is_shown_and_stays() -> None:
    assert counted(None).shown_s == pytest.approx([0.2, 0.8])
    assert counted(None).stays_s == []
    assert counted(Stability.HIGH).stays_s == pytest.approx([0.2, 0.8])
    assert counted(Stability.LOW).shown_s == pytest.approx([2.2, 1.8])


def test_words_that_are_not_in_the_next_result_have_changed() -> None:
    changed = {level: counted(level).changed for level in (None, *Stability)}
    assert changed == {None: 1, Stability.HIGH: 0, Stability.MEDIUM: 0, Stability.LOW: 0}


def test_what_stays_may_be_wrong_in_the_end() -> None:
    assert counted(Stability.HIGH).errors == 1
    assert counted(Stability.LOW).errors == 0
