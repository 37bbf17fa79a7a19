from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.analysis.features import CEPSTRA, STEP, STREAMS, WINDOW, Floats, features, frame_count
from recordings import speech

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def voice(sample: Callable[[str], Path]) -> Floats:
    return speech(sample("two_cities"), 16_000, 5)


@settings(deadline=None)
@given(st.integers(0, 3 * STEP + WINDOW), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_any_audio_gives_finite_values_for_every_frame(length: int, seed: int, loudness: float) -> None:
    noise = np.random.default_rng(seed).uniform(-loudness, loudness, length).astype(np.float32)
    found = features(noise)
    assert found.shape == (STREAMS, frame_count(length), CEPSTRA)
    assert np.isfinite(found).all()


@given(st.integers(1, 10**7))
def test_frames_cover_the_audio_and_no_frame_lies_outside(length: int) -> None:
    last_start = (frame_count(length) - 1) * STEP
    assert last_start < length
    assert last_start + WINDOW >= length


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_constant_audio_is_finite(value: float) -> None:
    assert np.isfinite(features(np.full(16_000, value, np.float32))).all()


def test_features_are_a_pure_function(voice: Floats) -> None:
    first = features(voice)
    features(voice[::-1].copy())
    before = voice.copy()
    assert np.array_equal(features(voice), first)
    assert np.array_equal(voice, before)


def test_loudness_does_not_matter(voice: Floats) -> None:
    quiet, loud = features(voice * np.float32(0.1)), features(voice)
    spread = loud[0].std(0)
    assert (np.abs(quiet[0] - loud[0]).mean(0) < 0.15 * spread).all()


def test_what_is_later_in_the_audio_is_later_in_the_features(voice: Floats) -> None:
    """Away from the start, where the estimate of the noise begins anew."""
    later = features(np.concatenate([voice[: 50 * STEP], voice]))[0, 150:-1]
    straight = features(voice)[0, 100:-1]
    assert np.abs(later - straight).mean() < 0.2 * straight.std()


def test_differences_are_those_of_the_cepstra(voice: Floats) -> None:
    cepstra, slope, curve = features(voice)
    assert np.allclose(slope[2:-2], cepstra[4:] - cepstra[:-4], atol=1e-4)
    assert np.allclose(curve[3:-3], slope[4:-2] - slope[2:-4], atol=1e-4)
    assert np.allclose(cepstra.mean(0), 0, atol=1e-3)
