from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.analysis.speaker_change import change_score
from dragoman.core.speakers import Change, speaker_changes

pytestmark = pytest.mark.unit

shares = st.floats(0, 1)
distances = st.floats(0, 2)
lengths = st.integers(0, 100_000)
changes = st.lists(st.builds(Change, st.integers(0, 10**6), shares))


@given(changes, shares, shares)
def test_more_sensitive_finds_all_that_less_sensitive_does(changes: list[Change], one: float, other: float) -> None:
    few, many = (set(speaker_changes(changes, sensitivity)) for sensitivity in sorted((one, other)))
    assert few <= many


@given(changes)
def test_the_most_sensitive_takes_every_turn(changes: list[Change]) -> None:
    assert speaker_changes(changes, 1) == tuple(change.at_ms for change in changes)


@given(st.booleans(), distances, lengths)
def test_a_score_is_a_share(is_other: bool, distance: float, shorter_ms: int) -> None:
    assert 0 <= change_score(is_other=is_other, distance=distance, shorter_ms=shorter_ms) <= 1


@given(distances, distances, lengths, lengths)
def test_at_the_vendors_default_just_different_speakers_count(
    distance: float, other_distance: float, shorter_ms: int, other_ms: int
) -> None:
    """Speechmatics' 0.4."""
    other = change_score(is_other=True, distance=distance, shorter_ms=shorter_ms)
    same = change_score(is_other=False, distance=other_distance, shorter_ms=other_ms)
    assert speaker_changes([Change(1, other), Change(2, same)], 0.4) == (1,)


@given(st.booleans(), distances, distances, lengths, lengths)
def test_distance_and_length_speak_for_a_change(is_other: bool, one: float, two: float, short: int, long: int) -> None:
    (near, far), (short, long) = sorted((one, two)), sorted((short, long))
    weak = change_score(is_other=is_other, distance=near, shorter_ms=short)
    assert weak <= change_score(is_other=is_other, distance=far, shorter_ms=long)
