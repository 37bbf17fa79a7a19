from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.speakers_scoring import ErrorRate, changes, error_rate, found_changes, mapping, rttm

pytestmark = pytest.mark.unit

TRUE = [("A", 1000, 4200), ("B", 3600, 7000), ("C", 7100, 9000), ("A", 9400, 12050), ("B", 11000, 15300)]
FOUND = [
    ("x", 900, 4400),
    ("y", 4000, 6800),
    ("y", 7350, 8900),
    ("z", 9100, 12800),
    ("y", 12000, 14000),
    ("x", 14000, 16000),
]
DURATION_MS = 20_000

turns = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.integers(0, 900), st.integers(1, 99)).map(
        lambda turn: (turn[0], turn[1], turn[1] + turn[2])
    ),
    max_size=8,
)


@pytest.mark.parametrize(
    ("collar_ms", "expected"),
    [
        (0, ErrorRate(15_450, 1_950, 2_050, 5_500)),
        (250, ErrorRate(13_200, 1_275, 1_425, 4_850)),
        (500, ErrorRate(10_950, 650, 950, 4_100)),
    ],
)
def test_the_error_rate_is_that_of_pyannote_metrics(collar_ms: int, expected: ErrorRate) -> None:
    """Its version 4.2.0, ``DiarizationErrorRate(collar=collar_ms / 1000)`` over the whole of the twenty seconds."""
    assert error_rate(TRUE, FOUND, DURATION_MS, collar_ms) == expected


@given(turns)
def test_the_truth_has_no_errors_whatever_its_speakers_are_called(truth: list[tuple[str, int, int]]) -> None:
    rate = error_rate(truth, [(speaker.lower(), start, end) for speaker, start, end in truth], 1_000, 0)
    assert (rate.missed, rate.false, rate.confused) == (0, 0, 0)


@given(turns)
def test_finding_nobody_misses_everything(truth: list[tuple[str, int, int]]) -> None:
    rate = error_rate(truth, [], 1_000, 0)
    assert (rate.missed, rate.false, rate.confused) == (rate.spoken, 0, 0)


def test_each_found_speaker_is_at_most_one_of_the_true() -> None:
    assert mapping(TRUE, FOUND, DURATION_MS) == {"x": "A", "y": "B"}


def test_changes_are_where_another_begins() -> None:
    assert changes(TRUE) == [3600, 7100, 9400, 11000]
    assert changes([("A", 0, 5), ("A", 7, 9), ("B", 10, 12)]) == [10]


@given(st.lists(st.integers(0, 10**5)), st.lists(st.integers(0, 10**5)), st.integers(0, 1_000))
def test_every_change_is_found_at_most_once(true: list[int], found: list[int], tolerance_ms: int) -> None:
    true, found = sorted(true), sorted(found)
    assert found_changes(true, found, tolerance_ms) <= min(len(true), len(found))
    assert found_changes(true, true, tolerance_ms) == len(true)


def test_turns_are_read_from_rttm() -> None:
    line = "SPEAKER meeting 1 3.168 0.800 <NA> <NA> MEO069 <NA> <NA>"
    assert rttm([line, ";; a comment"]) == [("MEO069", 3168, 3968)]
