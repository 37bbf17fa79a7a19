"""Laws of audio events: windows of tags → events with times."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.ports import SAMPLE_RATE, AudioTag, Samples
from dragoman.core.transcript import AudioEvent
from dragoman.service.audio_events import ENTER, HOP, LEAVE, WINDOW, AudioEventListener

pytestmark = pytest.mark.unit

HOP_MS = HOP * 1000 // SAMPLE_RATE


class Scripted:
    """Hears what it is told to, a window at a time."""

    def __init__(self, windows: Sequence[dict[str, float]] = ()) -> None:
        self.windows = windows
        self.heard: list[tuple[float, float]] = []
        """First and last sample of each window."""

    def load(self) -> None:
        pass

    def tag(self, samples: Samples) -> tuple[AudioTag, ...]:
        assert len(samples) == WINDOW
        self.heard.append((samples[0], samples[-1]))
        number = len(self.heard) - 1
        return tuple(AudioTag(*tag) for tag in self.windows[number].items()) if number < len(self.windows) else ()


def counting(length: int) -> np.ndarray:
    return np.arange(1, length + 1, dtype=np.float32)


def events(tagger: Scripted, length: int, piece: int = SAMPLE_RATE) -> tuple[AudioEvent, ...]:
    listener = AudioEventListener(tagger, 0)
    samples = counting(length)
    for start in range(0, length, piece):
        listener.feed(samples[start : start + piece])
    return listener.found()


def long(windows: int) -> int:
    """Samples of so many windows."""
    return WINDOW + (windows - 1) * HOP


@given(st.integers(0, 5 * WINDOW), st.integers(777, 3 * WINDOW))
def test_every_sample_is_heard_however_they_come(length: int, piece: int) -> None:
    tagger = Scripted()
    events(tagger, length, piece)
    whole = [(1.0 + start, float(start + WINDOW)) for start in range(0, length - WINDOW + 1, HOP)]
    assert tagger.heard[: len(whole)] == whole
    rest = tagger.heard[len(whole) :]
    if length == 0 or (whole and whole[-1][1] == length):
        assert rest == []
    elif length >= WINDOW:
        assert rest == [(length - WINDOW + 1, length)]
    else:
        assert [first for first, _ in rest] == [1.0]


def test_an_event_lasts_from_the_middle_of_its_first_window_to_that_of_the_window_after_its_last() -> None:
    heard = [{}, {"Laughter": 0.6}, {"Laughter": 0.9}, {}, {}]
    (event,) = events(Scripted(heard), long(5))
    assert (event.start_ms, event.end_ms) == (HOP_MS + HOP_MS // 2, 3 * HOP_MS + HOP_MS // 2)
    assert (event.label, event.score) == ("Laughter", 0.9)


@pytest.mark.parametrize("length", [1, WINDOW // 3, WINDOW, long(3), long(3) + 1, long(4) - 1])
def test_what_is_heard_all_the_time_lasts_from_the_beginning_to_the_end(length: int) -> None:
    (event,) = events(Scripted([{"Music": 0.9}] * 9), length)
    assert (event.start_ms, event.end_ms) == (0, length * 1000 // SAMPLE_RATE)


@given(st.lists(st.floats(0, 1), max_size=9))
def test_it_begins_where_it_is_likely_and_goes_on_while_it_is_not_unlikely(likely: list[float]) -> None:
    found = events(Scripted([{"Rain": each} for each in likely]), long(len(likely)) if likely else 0)
    inside = False
    for number, each in enumerate(likely):
        inside = each >= (LEAVE if inside else ENTER)
        middle_ms = number * HOP_MS + HOP_MS
        assert any(event.start_ms <= middle_ms < event.end_ms for event in found) == inside
    assert all(event.score >= ENTER for event in found)


def test_of_what_is_heard_at_the_same_time_the_likeliest_counts_and_what_went_on_before() -> None:
    music, both, applause = {"Music": 0.8}, {"Applause": 0.9, "Music": 0.6, "Clapping": 0.8}, {"Applause": 0.9}
    found = events(Scripted([music, both, applause]), long(3))
    assert [event.label for event in found] == ["Music", "Applause"]
    assert found[0].end_ms > found[1].start_ms


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.floats(0, 1)), max_size=12), st.integers(0, HOP))
def test_events_are_in_order_inside_the_audio_and_those_of_a_label_do_not_overlap(
    windows: list[dict[str, float]], more: int
) -> None:
    length = long(len(windows)) + more if windows else more
    found = events(Scripted(windows), length)
    assert list(found) == sorted(found, key=lambda event: event.start_ms)
    assert all(0 <= event.start_ms < event.end_ms <= length * 1000 // SAMPLE_RATE for event in found)
    for label in "abc":
        own = [event for event in found if event.label == label]
        assert all(one.end_ms <= other.start_ms for one, other in pairwise(own))


def test_what_is_remembered_does_not_grow_with_the_audio() -> None:
    listener = AudioEventListener(Scripted(), 0)
    for _ in range(200):
        listener.feed(np.zeros(SAMPLE_RATE, np.float32))
        assert listener.held_samples <= 2 * WINDOW
