"""Laws of what is computed next for live streams."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.engines.fake import FakeEngine
from dragoman.engines.moonshine.engine import MoonshineEngine
from dragoman.service.scheduler import Scheduler, Waiting
from dragoman.service.session import Kind

pytestmark = pytest.mark.unit

NOW = 1_000.0
BATCHING = FakeEngine()

waiting = st.builds(
    Waiting,
    stream=st.integers(0, 20),
    kind=st.sampled_from(Kind),
    due=st.floats(NOW - 20, NOW + 20),
    heard_to=st.floats(NOW - 20, NOW + 20),
    engine=st.sampled_from([BATCHING, FakeEngine(), MoonshineEngine(), None]),
    alone=st.booleans(),
    fresh=st.booleans(),
)
crowds = st.lists(waiting, max_size=20, unique_by=lambda each: each.stream)
pasts = st.lists(st.tuples(st.integers(0, 20), st.floats(0, 5), st.floats(0, 1)), max_size=20)


def scheduler(past: list[tuple[int, float, float]]) -> Scheduler:
    """One that has made partials: for which stream, how long ago, and what they cost."""
    made = Scheduler()
    for stream, ago_s, cost_s in sorted(past, key=lambda draft: -draft[1]):
        made.drafted({stream: NOW - ago_s}, NOW - ago_s, cost_s)
    return made


@given(crowd=crowds, past=pasts)
def test_a_final_that_is_due_is_never_passed_over_and_the_oldest_goes_first(
    crowd: list[Waiting], past: list[tuple[int, float, float]]
) -> None:
    due = [each for each in crowd if each.kind is Kind.FINAL and each.due <= NOW]
    chosen = scheduler(past).choose(crowd, NOW)
    if due:
        assert chosen == (min(due, key=lambda each: each.due).stream,)


@given(crowd=crowds, past=pasts)
def test_what_is_computed_together_are_partials_of_one_engine_that_may_be(
    crowd: list[Waiting], past: list[tuple[int, float, float]]
) -> None:
    by_stream = {each.stream: each for each in crowd}
    chosen = [by_stream[stream] for stream in scheduler(past).choose(crowd, NOW)]
    assert len({each.stream for each in chosen}) == len(chosen)
    if len(chosen) > 1:
        assert {each.kind for each in chosen} == {Kind.PARTIAL}
        engine = chosen[0].engine
        assert all(each.engine is engine for each in chosen)
        assert engine is not None
        assert len(chosen) <= engine.capabilities.draft_batch
        assert not any(each.alone for each in chosen)


@given(crowd=crowds, past=pasts)
def test_voices_are_chosen_by_themselves_and_those_first_that_a_final_waits_for(
    crowd: list[Waiting], past: list[tuple[int, float, float]]
) -> None:
    made = scheduler(past)
    by_stream = {each.stream: each for each in crowd}
    assert all(by_stream[stream].kind < Kind.SPEAKERS for stream in made.choose(crowd, NOW))
    due = [each for each in crowd if each.kind >= Kind.SPEAKERS and each.due <= NOW]
    chosen = [by_stream[stream] for stream in made.choose_voices(crowd, NOW)]
    assert all(each.kind >= Kind.SPEAKERS and each.due < NOW + 1 for each in chosen)
    if due:
        assert chosen[0].kind <= min(each.kind for each in due)


@given(crowd=crowds, past=pasts)
def test_nothing_far_ahead_of_real_time_is_chosen_except_in_spare_time(
    crowd: list[Waiting], past: list[tuple[int, float, float]]
) -> None:
    by_stream = {each.stream: each for each in crowd}
    made = scheduler(past)
    assert all(by_stream[stream].due < NOW + 1 for stream in made.choose(crowd, NOW))
    assert all(by_stream[stream].kind is not Kind.PARTIAL for stream in made.choose_spare(crowd, NOW))


@given(crowd=crowds, past=pasts)
def test_it_says_when_there_will_be_something_to_choose(
    crowd: list[Waiting], past: list[tuple[int, float, float]]
) -> None:
    made = scheduler(past)
    at = made.next_at(crowd, NOW)
    assert (at is None) == (not crowd)
    if at is not None and at <= NOW:
        assert made.choose(crowd, NOW) or made.choose_voices(crowd, NOW) or made.choose_spare(crowd, NOW)
    elif at is not None:
        assert not made.choose(crowd, NOW)
        assert made.choose(crowd, at + 0.001)


@given(past=pasts)
def test_partials_come_every_three_hundred_milliseconds_to_a_second(past: list[tuple[int, float, float]]) -> None:
    assert 0.3 <= scheduler(past).interval_s(NOW) <= 1.0
    assert Scheduler().interval_s(NOW) == 0.3


@settings(max_examples=50, deadline=None)
@given(
    streams=st.integers(1, 12),
    draft_s=st.floats(0.001, 0.12),
    final_s=st.floats(0.01, 0.2),
    every_s=st.floats(3, 10),
)
def test_every_stream_is_served_in_time_and_partials_leave_half_of_it(
    streams: int, draft_s: float, final_s: float, every_s: float
) -> None:
    """A simulated minute of streams that speak all the time, as many as the worker has time for."""
    streams = max(1, min(streams, int(0.75 / (final_s / every_s + draft_s))))
    made = Scheduler()
    now, drafting_s = NOW, 0.0
    drafted = dict.fromkeys(range(streams), NOW)
    next_final = {stream: NOW + every_s * (stream + 1) / streams for stream in range(streams)}
    gaps: defaultdict[int, float] = defaultdict(float)
    latest_final_s = 0.0
    while now < NOW + 60:
        crowd = [
            Waiting(stream, Kind.FINAL, next_final[stream])
            if next_final[stream] <= now
            else Waiting(stream, Kind.PARTIAL, drafted[stream] + 0.3, heard_to=now)
            for stream in range(streams)
            if next_final[stream] <= now or drafted[stream] + 0.3 <= now
        ]
        chosen = made.choose(crowd, now)
        if not chosen:
            now += 0.01
            continue
        (stream,) = chosen
        if next_final[stream] <= now:
            latest_final_s = max(latest_final_s, now - next_final[stream])
            now += final_s
            next_final[stream] += every_s
        else:
            gaps[stream] = max(gaps[stream], now - drafted[stream])
            drafted[stream] = now
            now += draft_s
            drafting_s += draft_s
            made.drafted({stream: drafted[stream]}, now, draft_s)
    assert latest_final_s <= draft_s + streams * final_s + 0.02
    assert set(gaps) == set(range(streams))
    busiest_s = streams * (draft_s + final_s)
    assert max(gaps.values()) <= 1.0 + busiest_s + 0.1
    assert drafting_s / 60 <= max(0.55, streams * draft_s / 0.9 + 0.01)
