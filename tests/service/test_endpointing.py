"""Laws of endpointing, over made-up probabilities and levels."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.service.endpointing import (
    FRAME_MS,
    Boundary,
    Ended,
    Endpointer,
    EndpointingRule,
    Paused,
    Resumed,
    Started,
)

pytestmark = pytest.mark.unit

Frame = tuple[float, float]
"""Speech probability and level."""

SPEECH = (0.9, 0.1)
SILENCE = (0.05, 0.001)


@dataclass
class Found:
    start: int
    speech: int
    stop: int
    ended_at: int


def frames() -> st.SearchStrategy[list[Frame]]:
    """Stretches of speech, of silence and of doubt, of any length up to six seconds."""
    kinds = st.sampled_from([(0.5, 1.0), (0.0, 0.34), (0.3, 0.6)])
    return st.builds(made_up, st.lists(st.tuples(kinds, st.integers(1, 180)), max_size=10), st.integers(0, 9))


def made_up(stretches: list[tuple[tuple[float, float], int]], seed: int) -> list[Frame]:
    chance = random.Random(seed)
    return [(chance.uniform(*kind), chance.uniform(0, 0.5)) for kind, count in stretches for _ in range(count)]


def rules() -> st.SearchStrategy[EndpointingRule]:
    return st.builds(EndpointingRule, st.integers(100, 5_000), st.integers(2_000, 15_000))


def boundaries(rule: EndpointingRule, given_frames: Sequence[Frame]) -> list[tuple[int, Boundary]]:
    """With the number of frames that had been taken when it was said."""
    endpointer = Endpointer(rule)
    said = [(at, boundary) for at, frame in enumerate(given_frames, 1) for boundary in endpointer.take(*frame)]
    last = endpointer.finish()
    return said if last is None else [*said, (len(given_frames), last)]


def utterances(rule: EndpointingRule, given_frames: Sequence[Frame]) -> list[Found]:
    found: list[Found] = []
    for at, boundary in boundaries(rule, given_frames):
        if isinstance(boundary, Started):
            found.append(Found(boundary.start, boundary.speech, -1, -1))
        elif isinstance(boundary, Ended):
            found[-1].stop, found[-1].ended_at = boundary.stop, at
    return found


@settings(max_examples=100, deadline=None)
@given(rules(), frames())
def test_utterances_are_in_order_apart_and_never_longer_than_the_rule(
    rule: EndpointingRule, heard: list[Frame]
) -> None:
    previous_stop = 0
    for found in utterances(rule, heard):
        assert previous_stop <= found.start <= found.speech < found.stop <= found.ended_at <= len(heard)
        assert (found.stop - found.start) * FRAME_MS <= rule.longest_ms
        previous_stop = found.stop


@settings(max_examples=100, deadline=None)
@given(rules(), frames())
def test_speech_of_a_tenth_of_a_second_is_in_exactly_one_utterance(rule: EndpointingRule, heard: list[Frame]) -> None:
    found = utterances(rule, heard)
    for at in range(len(heard) - 2):
        if min(probability for probability, _ in heard[at : at + 3]) >= 0.5:
            for frame in range(at, at + 3):
                assert sum(one.start <= frame < one.stop for one in found) == 1


@settings(max_examples=100, deadline=None)
@given(rules(), frames())
def test_an_utterance_holds_little_but_speech(rule: EndpointingRule, heard: list[Frame]) -> None:
    every = utterances(rule, heard)
    cuts = {one.start for one in every if one.start == one.speech}
    for found in every:
        assert (found.speech - found.start) * FRAME_MS <= 400
        silence = 0
        while silence < found.stop - found.start and heard[found.stop - 1 - silence][0] < 0.35:
            silence += 1
        assert silence * FRAME_MS <= 200 or found.ended_at == found.stop or found.stop in cuts


@settings(max_examples=100, deadline=None)
@given(rules(), frames())
def test_what_is_said_has_one_order(rule: EndpointingRule, heard: list[Frame]) -> None:
    allowed = {
        None: (Started,),
        Started: (Paused, Ended),
        Paused: (Resumed, Ended),
        Resumed: (Paused, Ended),
        Ended: (Started,),
    }
    before: type[Boundary] | None = None
    for _, boundary in boundaries(rule, heard):
        assert isinstance(boundary, allowed[before])
        before = type(boundary)
    assert before in (None, Ended)


@settings(max_examples=100, deadline=None)
@given(rules(), frames())
def test_a_pause_that_lasts_ends_the_utterance_where_it_was_said_it_would(
    rule: EndpointingRule, heard: list[Frame]
) -> None:
    said = [boundary for _, boundary in boundaries(rule, heard)]
    for before, after in itertools.pairwise(said):
        if isinstance(before, Paused) and isinstance(after, Ended):
            assert after.stop == before.stop


@settings(max_examples=100, deadline=None)
@given(rules(), frames())
def test_the_audio_of_a_pause_is_there_when_it_is_reported(rule: EndpointingRule, heard: list[Frame]) -> None:
    for at, boundary in boundaries(rule, heard):
        if isinstance(boundary, Paused):
            assert boundary.stop <= at


@settings(max_examples=100, deadline=None)
@given(rules(), frames(), st.data())
def test_nothing_before_the_earliest_frame_is_needed_again(
    rule: EndpointingRule, heard: list[Frame], data: st.DataObject
) -> None:
    """One that is made anew there finds what is still to come."""
    cut = data.draw(st.integers(0, len(heard)))
    endpointer = Endpointer(rule)
    earliest = 0
    closed = []
    for frame in heard[:cut]:
        closed += [boundary for boundary in endpointer.take(*frame) if isinstance(boundary, Ended)]
        assert endpointer.earliest >= earliest
        earliest = endpointer.earliest
    expected = utterances(rule, heard)[len(closed) :]
    again = utterances(rule, heard[earliest:])
    assert all(one.start >= earliest for one in expected)
    was_cut = bool(closed) and closed[-1].stop == earliest
    if not was_cut:
        assert [(one.start + earliest, one.stop + earliest) for one in again] == [(o.start, o.stop) for o in expected]


def test_in_a_short_utterance_only_the_whole_pause_ends_it() -> None:
    rule = EndpointingRule(trailing_silence_ms=480, longest_ms=10_000)
    for silence_ms, count in ((448, 1), (480, 2)):
        heard = [*[SPEECH] * 60, *[SILENCE] * (silence_ms // FRAME_MS), *[SPEECH] * 60]
        assert len(utterances(rule, heard)) == count


def test_the_longer_the_utterance_the_shorter_the_pause_that_ends_it() -> None:
    def shortest_pause(speech: int) -> int:
        for pause in range(1, 40):
            if len(utterances(EndpointingRule(), [*[SPEECH] * speech, *[SILENCE] * pause, *[SPEECH] * 10])) == 2:
                return pause * FRAME_MS
        raise AssertionError

    pauses = [shortest_pause(speech) for speech in range(10, 290, 10)]
    assert pauses == sorted(pauses, reverse=True)
    assert abs(pauses[0] - EndpointingRule().trailing_silence_ms) <= FRAME_MS
    assert 100 <= pauses[-1] <= 200


@settings(max_examples=50, deadline=None)
@given(st.integers(297, 308))
def test_speech_that_does_not_pause_is_cut_where_it_is_quietest(quiet: int) -> None:
    heard = [SPEECH] * 600
    heard[quiet : quiet + 2] = [(0.6, 0.01)] * 2
    first, second = utterances(EndpointingRule(longest_ms=10_000), heard)[:2]
    assert first.stop == second.start == quiet + 1


def test_speech_that_never_ends_is_cut_for_ever() -> None:
    found = utterances(EndpointingRule(longest_ms=2_000), [SPEECH] * 10_000)
    assert len(found) > 150
    assert all(before.stop == after.start for before, after in itertools.pairwise(found))


def test_silence_and_clicks_give_nothing() -> None:
    assert boundaries(EndpointingRule(), [*[SILENCE] * 20, SPEECH, SPEECH] * 100) == []
