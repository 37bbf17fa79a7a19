"""Laws of what the crash test takes for a history."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crash.verdict import history_faults
from dragoman.core.jobs import CHANGES, Job, JobState, StateChange
from dragoman.core.request import RecognitionRequest

pytestmark = pytest.mark.unit

JOB = Job(1, "token", "d", "", "a.wav", RecognitionRequest(), b"{}", JobState.QUEUED, 0, 0, None, 0, keep_media=False)


@st.composite
def lives(draw: st.DrawFn) -> list[StateChange]:
    """From the queue to the first end."""
    changes = [StateChange(0, JobState.QUEUED)]
    while not changes[-1].state.is_final:
        state = draw(st.sampled_from(sorted(CHANGES[changes[-1].state])))
        changes.append(StateChange(changes[-1].at_ms + draw(st.integers(0, 10)), state))
    return changes


def faults(life: list[StateChange], state: JobState) -> list[str]:
    return history_faults(replace(JOB, state=state), life)


@given(lives())
def test_a_life_from_the_queue_to_an_end_is_without_fault(life: list[StateChange]) -> None:
    assert faults(life, life[-1].state) == []


@given(lives(), st.data())
def test_what_is_missing_twice_or_early_is_a_fault(life: list[StateChange], data: st.DataObject) -> None:
    end = life[-1].state
    assert faults(life[:-1], end)
    assert faults(life[1:], end)
    assert faults([*life, life[-1]], end)
    early = data.draw(st.integers(1, len(life) - 1))
    assert faults([*life[:early], replace(life[early], at_ms=-1), *life[early + 1 :]], end)
