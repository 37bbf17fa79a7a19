"""Any sampling rate of live audio → 16 kHz: one channel of signed 16-bit samples, at once and cheaply.

Between fixed rates soxr filters blocks, and so holds back up to 0.12 s at 8 kHz. Here a low-pass filter is applied to
short blocks instead, as one product of matrices. That needs the filter at every phase between the two rates, which are
few for all rates in use; for the others soxr's variant for varying rates does it, sample by sample, at four times the
cost, and shifts what comes from above 16 kHz by a tenth of a millisecond.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import soxr  # type: ignore[import-untyped]

from dragoman.core.ports import SAMPLE_RATE

Floats = npt.NDArray[np.float32 | np.float64]
Pcm = npt.NDArray[np.int16]

_MOST_PHASES: Final = 320
"""Those of 22,050 Hz, which make a block of 20 ms."""
_BLOCK: Final = 16
"""Samples of 16 kHz in a block, about as many or more: weights of longer blocks do not stay in the cache."""
_REJECTION_DB: Final = 100
_PASSED: Final = 0.913
"""The part of what both rates can carry that passes unchanged; soxr's own for high quality."""
_WEIGHT_UNIT: Final = 2.0**-30
"""With weights that are multiples of it, sums over 16-bit samples are exact in double precision, in whatever order the
processor adds them: the result depends neither on the pieces nor on the machine."""
_HELD_S: Final = 0.05
"""More than is ever held back."""


class LiveResampler:
    """The sample of time t comes out at time t, at most 40 ms of audio after it came in. Samples at 16 kHz pass as they
    are. n samples at rate r become n · 16000 / r, rounded."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._stream: _Blocks | _Varying | None = None
        if rate != SAMPLE_RATE:
            phases = SAMPLE_RATE // math.gcd(rate, SAMPLE_RATE)
            self._stream = _Blocks(rate) if phases <= _MOST_PHASES else _Varying(rate)
        self._taken = 0
        self._given = 0

    def feed(self, samples: Pcm) -> Pcm:
        """What is ready now."""
        if self._stream is None:
            return samples
        ready = _rounded(self._stream.take(samples))
        self._taken += len(samples)
        self._given += len(ready)
        return ready

    def finish(self) -> Pcm:
        """The rest."""
        owed = (2 * self._taken * SAMPLE_RATE + self._rate) // (2 * self._rate) - self._given
        return self.feed(np.zeros(math.ceil(_HELD_S * self._rate), np.int16))[:owed]


@dataclass(frozen=True, slots=True)
class _Filter:
    """``weights`` turn the samples of a block, with ``reach`` more on either side, into those of 16 kHz."""

    weights: Floats
    reach: int
    step: int
    """Samples in a block."""


@lru_cache(maxsize=16)
def _filter(rate: int) -> _Filter:
    """A sinc in a Kaiser window. The design rules for its length and shape are Kaiser's."""
    divisor = math.gcd(rate, SAMPLE_RATE)
    phases, repeat = SAMPLE_RATE // divisor, max(1, round(_BLOCK * divisor / SAMPLE_RATE))
    step = rate // divisor * repeat
    highest = min(rate, SAMPLE_RATE) / 2 / rate
    width = (1 - _PASSED) * highest
    reach = math.ceil((_REJECTION_DB - 8) / (2.285 * 2 * math.pi * width) / 2)
    shape = 0.1102 * (_REJECTION_DB - 8.7)
    distance = np.arange(-reach, step + reach)[:, np.newaxis] - np.arange(phases * repeat) * (rate / SAMPLE_RATE)
    window = np.i0(shape * np.sqrt(np.maximum(1 - (distance / reach) ** 2, 0))) / np.i0(shape)
    cut = 2 * highest - width
    weights = cut * np.sinc(cut * distance) * window * (np.abs(distance) <= reach)
    return _Filter(np.rint(weights / _WEIGHT_UNIT) * _WEIGHT_UNIT, reach, step)


class _Blocks:
    """For two rates with few phases between them."""

    def __init__(self, rate: int) -> None:
        self._filter = _filter(rate)
        self._waiting: Pcm = np.zeros(self._filter.reach, np.int16)

    def take(self, samples: Pcm) -> Floats:
        weights, reach, step = self._filter.weights, self._filter.reach, self._filter.step
        audio = np.concatenate([self._waiting, samples], dtype=np.float64)
        count = max(0, (len(audio) - 2 * reach) // step)
        self._waiting = audio[count * step :].astype(np.int16)
        overlapping: Floats = np.ndarray((count, len(weights)), np.float64, audio, 0, (step * 8, 8))
        return (overlapping @ weights).ravel()


class _Varying:
    """For any two rates."""

    def __init__(self, rate: int) -> None:
        self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ", vr=True)

    def take(self, samples: Pcm) -> Floats:
        output: Floats = self._stream.resample_chunk(samples.astype(np.float32))
        return output


def _rounded(samples: Floats) -> Pcm:
    np.rint(samples, out=samples)
    np.minimum(samples, 32_767, out=samples)
    np.maximum(samples, -32_768, out=samples)
    return samples.astype(np.int16)
