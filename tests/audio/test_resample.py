from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.audio.resample import Resampler

pytestmark = pytest.mark.unit

RATES = st.one_of(
    st.sampled_from([8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000]), st.integers(4000, 384_000)
)


def resampled(samples: np.ndarray, rate: int, sizes: list[int]) -> np.ndarray:
    """All of ``samples``, [n, channels], fed in pieces of the given sizes, over and over."""
    resampler = Resampler(samples.shape[1])
    ready, start, turn = [], 0, 0
    while start < len(samples):
        size = sizes[turn % len(sizes)]
        ready += resampler.feed(samples[start : start + size], rate)
        start += size
        turn += 1
    ready += resampler.finish()
    return np.concatenate([np.zeros((0, samples.shape[1]), np.float32), *ready])


def pulse(rate: int, at_s: float, seconds: float) -> np.ndarray:
    """A pulse without sound above 1.5 kHz, so that every rate can carry it, centred on any time, sample or not."""
    t = np.arange(round(seconds * rate)) / rate - at_s
    return (np.sinc(3000 * t) * np.exp(-((t / 0.01) ** 2))).astype(np.float32)


def centre_s(samples: np.ndarray) -> float:
    """Where the pulse is, between samples, by a parabola through its top."""
    top = int(samples.argmax())
    before, here, after = (float(samples[top + step]) for step in (-1, 0, 1))
    return (top + (before - after) / (2 * (before - 2 * here + after))) / 16000


@settings(max_examples=60, deadline=None)
@given(RATES, st.integers(0, 30_000), st.lists(st.integers(1, 20_000), min_size=1, max_size=5), st.integers(1, 3))
def test_the_length_is_the_duration_at_16_khz_to_the_sample(
    rate: int, samples: int, sizes: list[int], channels: int
) -> None:
    output = resampled(np.zeros((samples, channels), np.float32), rate, sizes)
    assert abs(len(output) - samples * 16000 / rate) <= 0.5
    assert output.shape[1] == channels
    assert output.dtype == np.float32


@settings(max_examples=40, deadline=None)
@given(RATES, st.floats(0.3, 1.7), st.lists(st.integers(50, 50_000), min_size=1, max_size=5))
def test_a_sound_stays_at_its_time(rate: int, at_s: float, sizes: list[int]) -> None:
    output = resampled(pulse(rate, at_s, 2.0)[:, np.newaxis], rate, sizes)[:, 0]
    assert abs(centre_s(output) - at_s) < 0.1 / 16000


@settings(max_examples=20, deadline=None)
@given(RATES, st.lists(st.integers(1, 9000), min_size=1, max_size=5))
def test_the_result_does_not_depend_on_the_pieces(rate: int, sizes: list[int]) -> None:
    samples = np.random.default_rng(1).uniform(-1, 1, (20_000, 1)).astype(np.float32)
    np.testing.assert_allclose(resampled(samples, rate, sizes), resampled(samples, rate, [20_000]), atol=2e-6)


def test_16_khz_passes_unchanged() -> None:
    samples = np.random.default_rng(2).uniform(-1, 1, (40_001, 2)).astype(np.float32)
    np.testing.assert_array_equal(resampled(samples, 16000, [333, 7000]), samples)


def test_channels_do_not_touch_each_other() -> None:
    left, right = pulse(44100, 0.4, 1.5), pulse(44100, 1.1, 1.5)
    output = resampled(np.stack([left, right], axis=1), 44100, [1152])
    for channel, alone in enumerate((left, right)):
        np.testing.assert_allclose(output[:, channel], resampled(alone[:, np.newaxis], 44100, [1152])[:, 0], atol=1e-6)


def test_a_rate_may_change_half_way_and_times_go_on() -> None:
    resampler = Resampler(1)
    ready: list[np.ndarray] = []
    for rate in (8000, 48000, 16000, 22050):
        ready += resampler.feed(pulse(rate, 0.5, 1.0)[:, np.newaxis], rate)
    output = np.concatenate([*ready, *resampler.finish()])[:, 0]
    assert len(output) == 64000
    for second in range(4):
        assert abs(centre_s(output[second * 16000 : (second + 1) * 16000]) - 0.5) < 0.1 / 16000


def test_full_scale_speech_band_keeps_its_level() -> None:
    t = np.arange(44100) / 44100
    tone = (0.5 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)[:, np.newaxis]
    middle = resampled(tone, 44100, [4096])[4000:12000, 0]
    assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(0.5, rel=1e-3)


def test_sound_above_8_khz_does_not_fold_back() -> None:
    t = np.arange(44100) / 44100
    whistle = (0.9 * np.sin(2 * np.pi * 12_000 * t)).astype(np.float32)[:, np.newaxis]
    assert np.abs(resampled(whistle, 44100, [4096])[4000:12000]).max() < 1e-4
