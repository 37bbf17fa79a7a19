"""Laws of who says what in a live stream, with people who are told apart by how loud they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.ports import Samples
from dragoman.core.request import SpeakerRequest
from dragoman.core.transcript import Segment, Word
from dragoman.engines.fake import LoudnessDiarizer, LoudnessStream
from dragoman.service.stream_speakers import StreamSpeakers
from noise import RATE

pytestmark = pytest.mark.unit

PEAKS = (0.1, 0.3, 0.6, 0.9)
"""Of four people."""


class Lazy(LoudnessDiarizer):
    """Says what it was fed and not asked to hear, at most."""

    def __init__(self) -> None:
        self.streams: list[Counting] = []

    def open(self, remembered: bytes = b"") -> LoudnessStream:
        self.streams.append(Counting(remembered))
        return self.streams[-1]


class Counting(LoudnessStream):
    fed = 0

    def feed(self, samples: Samples) -> None:
        self.fed += len(samples)
        super().feed(samples)


def sound(people: list[int]) -> np.ndarray:
    """A second of each."""
    return np.concatenate([np.full(RATE, PEAKS[person], np.float32) for person in people])


def words(start_ms: int, count: int) -> Segment:
    """One in each second, but for its edges."""
    said = tuple(Word("so", at, at + 800, 1.0) for at in range(start_ms + 100, start_ms + 1000 * count, 1000))
    return Segment(0, 0, said[0].start_ms, said[-1].end_ms, "so " * count, 1.0, said)


def opened(remembered: bytes = b"", start_ms: int = 0, count: int | None = None) -> StreamSpeakers:
    return StreamSpeakers(LoudnessDiarizer(), SpeakerRequest(count=count), start_ms, remembered)


def hear(speakers: StreamSpeakers, people: list[int]) -> None:
    speakers.feed(sound(people))
    while speakers.hear(10**9):
        pass


def numbers(segment: Segment) -> list[int | None]:
    return [word.speaker for word in segment.words]


def expected(people: list[int]) -> list[int]:
    order = list(dict.fromkeys(people))
    return [order.index(person) for person in people]


PEOPLE = st.lists(st.integers(0, 3), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None)
@given(people=PEOPLE, start_ms=st.integers(0, 10**6))
def test_words_have_the_speaker_of_their_time_numbered_as_they_begin(people: list[int], start_ms: int) -> None:
    speakers = opened(start_ms=start_ms)
    hear(speakers, people)
    assert numbers(speakers.told(words(start_ms, len(people)))) == expected(people)


@settings(max_examples=30, deadline=None)
@given(before=PEOPLE, after=PEOPLE)
def test_who_takes_over_gives_the_same_people_the_same_numbers(before: list[int], after: list[int]) -> None:
    first = opened()
    hear(first, before)
    told = first.told(words(0, len(before)))
    start_ms = 1000 * len(before)
    second = opened(first.remembered, start_ms)
    hear(second, after)
    rest = second.told(words(start_ms, len(after)))
    assert numbers(told) + numbers(rest) == expected(before + after)


def test_numbers_of_channels_do_not_meet() -> None:
    speakers = StreamSpeakers(LoudnessDiarizer(), SpeakerRequest(), 0, first=1, step=2)
    hear(speakers, [2, 0, 2])
    assert numbers(speakers.told(words(0, 3))) == [1, 3, 1]


def test_there_are_no_more_speakers_than_are_known_to_be_there() -> None:
    speakers = opened(count=2)
    hear(speakers, [0, 1, 2, 3])
    assert set(numbers(speakers.told(words(0, 4)))) == {0, 1}


def test_who_is_not_heard_yet_is_nobody_and_then_who_spoke_last() -> None:
    speakers = opened()
    speakers.feed(sound([0, 1]))
    assert numbers(speakers.told(words(0, 2))) == [None, None]
    while speakers.hear():
        pass
    assert numbers(speakers.told(words(0, 2))) == [0, 1]
    later = words(9_000, 2)
    assert numbers(speakers.told(later)) == [1, 1]


def test_what_there_is_no_time_to_hear_is_given_up_and_the_numbers_stay() -> None:
    diarizer = Lazy()
    speakers = StreamSpeakers(diarizer, SpeakerRequest(), 0)
    hear(speakers, [0, 1])
    speakers.told(words(0, 2))
    for _ in range(120):
        speakers.feed(sound([2]))
    assert len(diarizer.streams) > 2
    assert max(stream.fed for stream in diarizer.streams) <= 40 * RATE
    while speakers.hear():
        pass
    hear(speakers, [1, 0])
    assert numbers(speakers.told(words(122_000, 2))) == [1, 0]


def test_it_says_up_to_where_all_was_heard() -> None:
    speakers = opened(start_ms=500)
    assert speakers.due_ms is None
    speakers.feed(sound([0, 0]))
    assert speakers.due_ms == 500
    while speakers.hear():
        pass
    assert speakers.due_ms is None
    speakers.feed(sound([0]))
    assert speakers.due_ms == 2_500


def test_what_is_remembered_is_new_when_somebody_is_and_else_hardly_ever() -> None:
    speakers = opened()
    seen = {speakers.remembered}
    for second, person in enumerate([0, 1, *[0] * 28]):
        hear(speakers, [person])
        speakers.told(words(1000 * second, 1))
        seen.add(speakers.remembered)
    assert 2 <= len(seen) <= 6
