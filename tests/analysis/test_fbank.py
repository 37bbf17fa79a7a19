from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.analysis.fbank import FILTERS, STEP, WINDOW, fbank, frame_count

pytestmark = pytest.mark.unit

KALDI = [13.273, 13.756, 19.347, 24.66, 16.429, 14.018, 13.238, 12.871]
"""Of the second frame of ``chirp``: what kaldi-native-fbank 1.22 gives for filters 0, 10, 20, ..., 70, Hamming windows
and no dither."""


def chirp(seconds: float = 0.1) -> np.ndarray:
    time = np.arange(round(seconds * 16_000)) / 16_000
    return (0.3 * np.sin(2 * np.pi * (200 * time + 20_000 * time**2)) + 0.01).astype(np.float32)


def test_the_values_are_kaldis() -> None:
    assert fbank(chirp())[1, ::10] == pytest.approx(KALDI, abs=2e-3)


@settings(deadline=None)
@given(st.integers(0, 3 * STEP + WINDOW), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_any_audio_gives_finite_values_for_every_whole_window(length: int, seed: int, loudness: float) -> None:
    noise = np.random.default_rng(seed).uniform(-loudness, loudness, length).astype(np.float32)
    found = fbank(noise)
    assert found.shape == (frame_count(length), FILTERS)
    assert np.isfinite(found).all()


@given(st.integers(0, 10**7))
def test_the_last_frame_is_the_last_whole_window(length: int) -> None:
    frames = frame_count(length)
    assert (frames - 1) * STEP + WINDOW <= length or not frames
    assert frames * STEP + WINDOW > length


@given(st.floats(0.1, 3))
def test_loudness_adds_the_same_to_every_value(gain: float) -> None:
    difference = fbank(chirp() * np.float32(gain)) - fbank(chirp())
    assert difference == pytest.approx(np.full(difference.shape, 2 * np.log(gain)), abs=0.02)


def test_a_pure_function_of_each_window() -> None:
    audio = chirp()
    before = audio.copy()
    assert np.array_equal(fbank(audio)[3:], fbank(audio[3 * STEP :]))
    assert np.array_equal(audio, before)
