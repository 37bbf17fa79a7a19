from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.audio.timeline import LONGEST_GAP_S, Timeline

pytestmark = pytest.mark.unit

FRAME_S = 0.02


def silences(times: list[float | None], timeline: Timeline) -> list[float]:
    """The silence put before each frame of 20 ms."""
    followers = [*times[1:], None]
    return [
        round(timeline.silence_before(time, FRAME_S, after), 6) for time, after in zip(times, followers, strict=True)
    ]


def regular(start_s: float, frames: int) -> list[float | None]:
    return [start_s + index * FRAME_S for index in range(frames)]


@given(st.floats(-10, 1e6), st.lists(st.floats(-0.007, 0.007), min_size=2, max_size=200))
def test_times_that_only_jitter_make_no_silence(start_s: float, jitter: list[float]) -> None:
    times: list[float | None] = [start_s + index * FRAME_S + shake for index, shake in enumerate(jitter)]
    assert not any(silences(times, Timeline(start_s)))


def test_frames_without_times_follow_each_other() -> None:
    assert not any(silences([None] * 50, Timeline(3.0)))
    assert not any(silences([0.0, None, None, 3 * FRAME_S], Timeline()))


def test_sound_that_begins_after_the_picture_begins_late() -> None:
    assert silences(regular(1.9, 5), Timeline(1.4)) == [0.5, 0, 0, 0, 0]


def test_a_file_of_sound_alone_begins_with_its_sound() -> None:
    assert not any(silences(regular(0.025, 5), Timeline(0.025)))
    assert not any(silences(regular(7200.0, 5), Timeline()))


def test_codec_priming_before_zero_is_not_a_late_start() -> None:
    assert not any(silences(regular(0.0, 5), Timeline(-0.021)))


def test_a_pause_of_the_recorder_is_filled_with_as_much_silence() -> None:
    assert silences([*regular(0.0, 3), *regular(90.06, 3)], Timeline()) == [0, 0, 0, 90.0, 0, 0]


def test_a_lost_packet_is_filled() -> None:
    assert silences([*regular(0.0, 3), *regular(0.08, 3)], Timeline()) == [0, 0, 0, FRAME_S, 0, 0]


def test_a_jump_that_is_taken_back_leaves_no_silence() -> None:
    times = regular(0.0, 10)
    times[4] = 200.0
    assert not any(silences(times, Timeline()))


def test_swings_of_the_clock_do_not_add_up() -> None:
    times: list[float | None] = [index * FRAME_S + (0.05 if index // 5 % 2 else 0.0) for index in range(500)]
    assert sum(silences(times, Timeline())) == pytest.approx(0.05)


def test_an_absurd_jump_is_another_clock() -> None:
    assert not any(silences([*regular(0.0, 3), *regular(1e9, 3), *regular(5.0, 3)], Timeline()))
    assert not any(silences([*regular(0.0, 3), *regular(LONGEST_GAP_S + 1, 3)], Timeline()))


def test_gaps_are_found_after_the_clock_starts_again() -> None:
    times = [*regular(1000.0, 3), *regular(0.0, 3), *regular(2.06, 3)]
    assert silences(times, Timeline()) == [0, 0, 0, 0, 0, 0, 2.0, 0, 0]


def test_no_gap_makes_the_recording_longer_than_its_header_says() -> None:
    times = [*regular(0.0, 3), *regular(90.06, 3)]
    assert not any(silences(times, Timeline(0.0, length_s=4.0)))
    assert sum(silences(times, Timeline(0.0, length_s=90.2))) == 90.0


@given(st.lists(st.one_of(st.none(), st.floats(-1e12, 1e12)), min_size=1, max_size=60), st.none() | st.floats(0, 1e5))
def test_any_times_at_all_stay_within_bounds(times: list[float | None], length_s: float | None) -> None:
    for silence in silences(times, Timeline(0.0, length_s)):
        assert 0 <= silence <= LONGEST_GAP_S
