"""Cepstra as the acoustic model of pocketsphinx was trained on (its ``feat.params``), for a whole segment at once.

25.6 ms Hamming windows every 10 ms, pre-emphasis 0.97, 25 mel filters of unit area from 130 to 6,800 Hz, stationary
noise suppressed per filter, 13 liftered cepstra less their mean over the segment, and their first and second
differences.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dragoman.core.ports import SAMPLE_RATE

Floats = NDArray[np.float32]

FRAME_MS: Final = 10
STEP: Final = SAMPLE_RATE * FRAME_MS // 1000
WINDOW: Final = 410
_FFT = 512
_FILTERS = 25
CEPSTRA: Final = 13
STREAMS: Final = 3
_FULL_SCALE = 32_768.0
_FLOOR = 0.5
"""Filter energy of the quantisation noise of 16-bit samples, under which digital silence would fall."""


def _mel_filters() -> Floats:
    """[bins, filters]: triangles on the mel scale, their corners on the bins of the transform."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (130.0, 6800.0))
    hz = 700 * (10 ** (np.linspace(low, high, _FILTERS + 2) / 2595) - 1)
    spacing = SAMPLE_RATE / _FFT
    corners = np.floor(hz / spacing + 0.5) * spacing
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    bins = np.arange(_FFT // 2 + 1)[:, None] * spacing
    triangles = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    filters: Floats = (np.maximum(triangles, 0) * 2 / (right - left)).astype(np.float32)
    return filters


def _cosines() -> Floats:
    """[filters, cepstra]: the orthonormal cosine transform and the lifter in one."""
    order = np.arange(CEPSTRA)
    cosines = np.cos(np.pi / _FILTERS * np.outer(np.arange(_FILTERS) + 0.5, order)) * np.sqrt(2 / _FILTERS)
    cosines[:, 0] = np.sqrt(1 / _FILTERS)
    liftered: Floats = (cosines * (1 + 11 * np.sin(order * np.pi / 22))).astype(np.float32)
    return liftered


def _neighbours() -> Floats:
    """[filters, filters]: the mean over a filter and its four neighbours on either side."""
    near = np.abs(np.subtract.outer(np.arange(_FILTERS), np.arange(_FILTERS))) <= 4
    mean: Floats = (near / near.sum(0)).astype(np.float32)
    return mean


_HAMMING = np.hamming(WINDOW).astype(np.float32)
_MEL = _mel_filters()
_COSINES = _cosines()
_NEIGHBOURS = _neighbours()


def frame_count(samples: int) -> int:
    """Frames of so many samples; the last one may be padded with zeros. No samples make no frame."""
    return 1 + max(0, -(-(samples - WINDOW) // STEP)) if samples else 0


def features(samples: Floats) -> Floats:
    """[3, frames, 13]: cepstra, first and second differences of samples in -1..1 at 16 kHz. A pure function."""
    frames = frame_count(len(samples))
    if not frames:
        return np.zeros((STREAMS, 0, CEPSTRA), np.float32)
    padded = np.zeros(max(WINDOW + (frames - 1) * STEP, len(samples)), np.float32)
    padded[: len(samples)] = samples
    padded *= _FULL_SCALE
    padded[1 : len(samples)] -= np.float32(0.97) * padded[: len(samples) - 1]
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::STEP][:frames] * _HAMMING
    spectrum = np.fft.rfft(windows, _FFT)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    energy = _suppress_noise(power @ _MEL)
    cepstra = np.log(energy + np.float32(_FLOOR)) @ _COSINES
    cepstra -= cepstra.mean(0)
    around = np.concatenate([cepstra[:1]] * 3 + [cepstra] + [cepstra[-1:]] * 3)
    slope = around[4:] - around[:-4]
    return np.stack([cepstra, slope[1:-1], slope[2:] - slope[:-2]])


def _suppress_noise(energy: Floats) -> Floats:
    """Each filter's energy less a slowly following estimate of its noise; echoes of a peak are masked.

    The gain is smoothed over neighbouring filters (the front end of pocketsphinx, after Doblinger 1995 and Kim's PNCC).
    """
    power = _smoothed(energy)
    signal = np.maximum(power - _lower_envelope(power), np.float32(1))
    floor = _lower_envelope(signal)
    peak = _decaying_peak(signal)
    masked = np.concatenate([np.zeros_like(peak[:1]), peak[:-1]])
    signal = np.where(signal < np.float32(0.85 * 0.85) * masked, np.float32(0.85 * 0.2) * masked, signal)
    gain: Floats = np.clip(np.maximum(signal, floor) / np.maximum(power, np.float32(1e-3)), 1 / 20, 20)
    return energy * (gain @ _NEIGHBOURS)


def _smoothed(energy: Floats) -> Floats:
    """0.7 of the value before and 0.3 of the new one, by doubling the reach of the sum."""
    smooth = energy * np.float32(0.3)
    smooth[0] = energy[0]
    for reach in (1, 2, 4, 8, 16, 32):
        smooth[reach:] += np.float32(0.7**reach) * smooth[:-reach].copy()
    return smooth


def _lower_envelope(energy: Floats) -> Floats:
    """Follows a falling energy at once and a rising one in two seconds, from a twentieth of the first frame."""
    rising, falling = energy * np.float32(0.005), energy * np.float32(0.5)
    keep_rising, keep_falling = np.float32(0.995), np.float32(0.5)
    envelope = np.empty_like(energy)
    value = energy[0] / np.float32(20)
    other = np.empty_like(value)
    for frame in range(len(energy)):
        np.multiply(value, keep_falling, out=other)
        other += falling[frame]
        value = np.multiply(value, keep_rising, out=envelope[frame])
        value += rising[frame]
        np.minimum(value, other, out=value)
    return envelope


def _decaying_peak(signal: Floats) -> Floats:
    """The highest value so far, each forgotten by a factor of 0.85 a frame."""
    decay = np.arange(len(signal), dtype=np.float64)[:, None] * np.log(1 / 0.85)
    highest = np.maximum.accumulate(np.log(signal) + decay) - decay
    peak: Floats = np.exp(highest).astype(np.float32)
    return peak
