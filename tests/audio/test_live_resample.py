from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.audio.live_resample import LiveResampler

pytestmark = pytest.mark.unit

RATES = st.one_of(
    st.sampled_from([8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]), st.integers(8000, 48_000)
)
SIZES = st.lists(st.integers(1, 9000), min_size=1, max_size=5)
LOUD = 30_000


def resampled(samples: np.ndarray, rate: int, sizes: list[int]) -> np.ndarray:
    """All of ``samples`` in pieces of the given sizes, over and over."""
    resampler = LiveResampler(rate)
    ready, start, turn = [], 0, 0
    while start < len(samples):
        size = sizes[turn % len(sizes)]
        ready.append(resampler.feed(samples[start : start + size]))
        start += size
        turn += 1
    return np.concatenate([*ready, resampler.finish()])


def pulse(rate: int, at_s: float, seconds: float) -> np.ndarray:
    """A pulse without sound above 1.5 kHz, so that every rate can carry it, centred on any time, sample or not."""
    t = np.arange(round(seconds * rate)) / rate - at_s
    return (LOUD * np.sinc(3000 * t) * np.exp(-((t / 0.01) ** 2))).round().astype(np.int16)


def tone(hertz: int, rate: int) -> np.ndarray:
    return (LOUD * np.sin(2 * np.pi * hertz * np.arange(rate) / rate)).round().astype(np.int16)


def centre_s(samples: np.ndarray) -> float:
    """Where the pulse is, between samples, by a parabola through its top."""
    top = int(samples.argmax())
    before, here, after = (float(samples[top + step]) for step in (-1, 0, 1))
    return (top + (before - after) / (2 * (before - 2 * here + after))) / 16000


@settings(max_examples=40, deadline=None)
@given(RATES, st.lists(st.integers(1, 5_000), min_size=1, max_size=5))
def test_at_most_40_ms_are_held_back_at_any_time(rate: int, sizes: list[int]) -> None:
    resampler = LiveResampler(rate)
    taken = given_back = 0
    for size in sizes * 8:
        given_back += len(resampler.feed(np.zeros(size, np.int16)))
        taken += size
        # Nor does any sample come before the one that it is made from.
        assert -0.5 / 16000 <= taken / rate - given_back / 16000 < 0.04


@settings(max_examples=40, deadline=None)
@given(RATES, st.integers(0, 30_000), SIZES)
def test_the_length_is_the_duration_at_16_khz_to_the_sample(rate: int, samples: int, sizes: list[int]) -> None:
    output = resampled(np.zeros(samples, np.int16), rate, sizes)
    assert output.dtype == np.int16
    assert abs(len(output) - samples * 16000 / rate) <= 0.5


@settings(max_examples=40, deadline=None)
@given(RATES, st.floats(0.3, 1.7), SIZES)
def test_a_sound_stays_at_its_time_to_an_eighth_of_a_millisecond(rate: int, at_s: float, sizes: list[int]) -> None:
    assert abs(centre_s(resampled(pulse(rate, at_s, 2.0), rate, sizes)) - at_s) < 1 / 8000


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 32000, 44100, 48000])
def test_at_the_rates_in_use_a_sound_stays_at_its_time_to_a_tenth_of_a_sample(rate: int) -> None:
    for at_s in (0.5, 0.50003, 0.7):
        assert abs(centre_s(resampled(pulse(rate, at_s, 1.0), rate, [441])) - at_s) < 0.1 / 16000


@settings(max_examples=20, deadline=None)
@given(RATES, SIZES)
def test_the_result_does_not_depend_on_the_pieces(rate: int, sizes: list[int]) -> None:
    samples = np.random.default_rng(1).integers(-LOUD, LOUD, 20_000).astype(np.int16)
    np.testing.assert_array_equal(resampled(samples, rate, sizes), resampled(samples, rate, [20_000]))


def test_16_khz_passes_unchanged() -> None:
    samples = np.random.default_rng(2).integers(-(2**15), 2**15, 40_001).astype(np.int16)
    np.testing.assert_array_equal(resampled(samples, 16000, [333, 7000]), samples)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 44056])
def test_the_speech_band_keeps_its_level(rate: int) -> None:
    for hertz in (200, 1000, 3400):
        output = resampled(tone(hertz, rate), rate, [441])[4000:12000].astype(float)
        assert np.sqrt(2 * np.mean(output**2)) == pytest.approx(LOUD, rel=1e-3)


@pytest.mark.parametrize("rate", [22050, 24000, 32000, 44100, 48000, 44056])
def test_sound_above_8_khz_does_not_fold_back(rate: int) -> None:
    assert np.abs(resampled(tone(8_200, rate), rate, [441])[4000:12000]).max() <= LOUD * 1e-4


def test_sound_of_8_khz_recordings_has_no_image() -> None:
    output = resampled(tone(3_400, 8000), 8000, [160])[4000:12000] * np.hanning(8000)
    spectrum = np.abs(np.fft.rfft(output))
    assert spectrum[2_100:].max() < spectrum.max() * 1e-4


@pytest.mark.parametrize("rate", [8000, 48000, 44056])
def test_what_overshoots_is_cut_off_not_wrapped(rate: int) -> None:
    square = np.where(np.arange(rate) // (rate // 200) % 2, 2**15 - 1, -(2**15)).astype(np.int16)
    output = resampled(square, rate, [441]).astype(int)
    assert np.abs(np.diff(output)).max() < 2**16 * 0.95
    assert output.max() == 2**15 - 1
    assert output.min() == -(2**15)
