"""Kaldi's filter-bank features, as the speaker models were trained on: 25 ms Hamming windows every 10 ms, less their
mean, pre-emphasis 0.97, logarithm of the power in 80 mel filters from 20 Hz to 8 kHz.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dragoman.core.ports import SAMPLE_RATE

Floats = NDArray[np.float32]

FILTERS: Final = 80
STEP: Final = SAMPLE_RATE // 100
WINDOW: Final = SAMPLE_RATE // 40
_FFT = 512
_FULL_SCALE = 32_768.0
_FLOOR = 1.1920929e-07
"""The smallest step of a float, Kaldi's floor of the power."""


def _mel_filters() -> Floats:
    """[bins, filters]: triangles that are straight on the mel scale."""

    def mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1127.0 * np.log1p(hz / 700.0)

    lowest, highest = mel(np.array([20.0, SAMPLE_RATE / 2]))
    corners = np.linspace(lowest, highest, FILTERS + 2)
    bins = mel(np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT)[:, None]
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    triangles = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    filters: Floats = np.maximum(triangles, 0).astype(np.float32)
    return filters


_HAMMING = np.hamming(WINDOW).astype(np.float32)
_MEL = _mel_filters()


def frame_count(samples: int) -> int:
    """Whole windows in so many samples."""
    return max(0, 1 + (samples - WINDOW) // STEP)


def fbank(samples: Floats) -> Floats:
    """[frames, 80] of samples in -1..1 at 16 kHz. A pure function; the mean is the caller's to take away."""
    frames = frame_count(len(samples))
    if not frames:
        return np.zeros((0, FILTERS), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::STEP][:frames] * np.float32(_FULL_SCALE)
    windows -= windows.mean(1, keepdims=True)
    windows[:, 1:] -= np.float32(0.97) * windows[:, :-1].copy()
    windows[:, 0] *= np.float32(0.03)
    spectrum = np.fft.rfft(windows * _HAMMING, _FFT)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    features: Floats = np.log(np.maximum(power @ _MEL, np.float32(_FLOOR)))
    return features
