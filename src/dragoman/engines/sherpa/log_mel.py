"""What Whisper models hear: 30 seconds of 16 kHz samples → a logarithmic mel spectrogram of 3,000 frames."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

WINDOW: Final = 30 * 16_000
"""Samples. What is shorter is taken to be silent at its end, what is longer is cut off."""
_FRAME: Final = 400
_HOP: Final = 160
_LEAST: Final = 1e-10
_RANGE: Final = 8.0
"""Powers of ten below the loudest that are told apart."""
_LINEAR_HZ: Final = 200 / 3
_LINEAR_TO_HZ: Final = 1_000.0
_LINEAR_TO: Final = _LINEAR_TO_HZ / _LINEAR_HZ
_LOG_STEP: Final = np.log(6.4) / 27
"""The mel scale is that of Slaney's Auditory Toolbox: linear up to 1 kHz, then logarithmic."""


def log_mel(samples: Floats, bands: int) -> Floats:
    """``[n]`` samples → ``[bands, 3000]``, about -1 to 1."""
    audio = np.zeros(WINDOW, np.float32)
    audio[: len(samples)] = samples[:WINDOW]
    padded = np.pad(audio, _FRAME // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[: WINDOW // _HOP * _HOP : _HOP]
    hann = np.hanning(_FRAME + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2
    mel = np.log10(np.maximum(_filters(bands) @ power.T, _LEAST))
    return np.asarray((np.maximum(mel, mel.max() - _RANGE) + 4) / 4, np.float32)


@cache
def _filters(bands: int) -> npt.NDArray[np.float64]:
    """``[bands, 201]`` triangles of equal area, evenly spaced in mel from 0 to 8 kHz."""
    bins = np.linspace(0, 8_000, _FRAME // 2 + 1)
    top = _LINEAR_TO + np.log(8_000 / _LINEAR_TO_HZ) / _LOG_STEP
    mels = np.linspace(0, top, bands + 2)
    edges = np.where(mels < _LINEAR_TO, mels * _LINEAR_HZ, _LINEAR_TO_HZ * np.exp(_LOG_STEP * (mels - _LINEAR_TO)))
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
    return np.asarray(np.maximum(triangles, 0) * 2 / (high - low))
