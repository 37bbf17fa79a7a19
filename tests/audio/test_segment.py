"""Laws of segmentation, over made-up probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.audio.segment import Segmenter, SpeechSegment
from dragoman.audio.vad import FRAME

pytestmark = pytest.mark.unit

MAX_MS = 3_000
PAD_MS = 400
FRAME_MS = FRAME / 16


def stretches() -> st.SearchStrategy[list[tuple[bool, int]]]:
    """Speech or not, and for how many frames."""
    return st.lists(st.tuples(st.booleans(), st.integers(1, 150)), max_size=12)


def material(parts: list[tuple[bool, int]], seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probabilities = np.concatenate(
        [np.zeros(0), *(rng.uniform(0.55, 1, n) if speech else rng.uniform(0, 0.3, n) for speech, n in parts)]
    ).astype(np.float32)
    samples = rng.uniform(-0.5, 0.5, len(probabilities) * FRAME).astype(np.float32)
    return samples, probabilities


def segment(samples: np.ndarray, probabilities: np.ndarray, step: int, max_ms: int = MAX_MS) -> list[SpeechSegment]:
    segmenter = Segmenter(max_ms)
    found = []
    for frame in range(0, len(probabilities), step):
        found += segmenter.feed(samples[frame * FRAME : (frame + step) * FRAME], probabilities[frame : frame + step])
    return found + segmenter.finish()


@settings(max_examples=60, deadline=None)
@given(stretches(), st.integers(0, 9), st.integers(1, 90))
def test_segments_do_not_depend_on_how_the_audio_is_cut_up(parts: list[tuple[bool, int]], seed: int, step: int) -> None:
    samples, probabilities = material(parts, seed)
    whole = segment(samples, probabilities, max(1, len(probabilities)))
    pieces = segment(samples, probabilities, step)
    assert [(s.start_ms, s.end_ms) for s in pieces] == [(s.start_ms, s.end_ms) for s in whole]
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(pieces, whole, strict=True))


@settings(max_examples=60, deadline=None)
@given(stretches(), st.integers(0, 9))
def test_every_frame_of_speech_is_in_exactly_one_segment(parts: list[tuple[bool, int]], seed: int) -> None:
    samples, probabilities = material(parts, seed)
    found = segment(samples, probabilities, 31)
    starts = np.array([s.start_ms for s in found])
    ends = np.array([s.end_ms for s in found])
    for frame in np.flatnonzero(probabilities >= 0.5):
        middle = (frame + 0.5) * FRAME_MS
        covering = int(((starts <= middle) & (middle < ends)).sum())
        # A cut inside speech falls in the middle of a frame: there the frame belongs to both sides by half.
        assert covering == 1


@settings(max_examples=60, deadline=None)
@given(stretches(), st.integers(0, 9))
def test_segments_are_ordered_apart_bounded_and_hold_the_audio_of_their_times(
    parts: list[tuple[bool, int]], seed: int
) -> None:
    samples, probabilities = material(parts, seed)
    previous_end = 0
    for found in segment(samples, probabilities, 7):
        assert previous_end <= found.start_ms < found.end_ms
        assert found.end_ms - found.start_ms <= MAX_MS + 2 * PAD_MS
        previous_end = found.end_ms
        start = found.start_ms * 16
        assert np.array_equal(found.samples, samples[start : start + len(found.samples)])
        assert abs(len(found.samples) - (found.end_ms - found.start_ms) * 16) <= 16


def test_pauses_of_two_seconds_separate_and_shorter_ones_join_while_it_fits() -> None:
    speech, short, long = (True, 20), (False, 40), (False, 80)
    samples, probabilities = material([speech, short, speech, long, speech], 1)
    assert len(segment(samples, probabilities, 10, 15_000)) == 2
    samples, probabilities = material([(True, 60), short, (True, 60)], 1)
    assert len(segment(samples, probabilities, 10, 3_000)) == 2


def test_unbroken_speech_is_cut_where_it_is_quietest() -> None:
    samples, probabilities = material([(True, 150)], 3)
    quiet = 75
    samples[quiet * FRAME : (quiet + 1) * FRAME] *= 0.001
    probabilities[quiet] = 0.4
    first, second = segment(samples, probabilities, 10, 3_000)[:2]
    assert first.end_ms == second.start_ms
    assert abs(first.end_ms - (quiet + 0.5) * FRAME_MS) <= FRAME_MS


def test_memory_does_not_grow_with_the_audio() -> None:
    segmenter = Segmenter(3_000)
    rng = np.random.default_rng(0)
    for second in range(600):
        speech = second % 7 != 0
        segmenter.feed(
            rng.uniform(-1, 1, 50 * FRAME).astype(np.float32),
            np.full(50, 0.9 if speech else 0.1, np.float32),
        )
        assert segmenter.held_samples <= 2 * 4 * 16_000


def test_silence_gives_nothing() -> None:
    assert segment(*material([(False, 150)], 0), 10) == []


@settings(max_examples=40, deadline=None)
@given(stretches(), st.integers(0, 9), st.integers(1, 40))
def test_no_segment_begins_before_what_was_said_to_be_settled(
    parts: list[tuple[bool, int]], seed: int, step: int
) -> None:
    samples, probabilities = material(parts, seed)
    segmenter = Segmenter(MAX_MS)
    settled = 0
    for frame in range(0, len(probabilities), step):
        for found in segmenter.feed(
            samples[frame * FRAME : (frame + step) * FRAME], probabilities[frame : frame + step]
        ):
            assert found.start_ms >= settled
        assert segmenter.settled_ms >= settled
        settled = segmenter.settled_ms
    assert all(found.start_ms >= settled for found in segmenter.finish())
    # What is held back is a group, the gap behind it and the next island.
    assert settled >= len(samples) // 16 - 2 * MAX_MS - 2_000 - PAD_MS
