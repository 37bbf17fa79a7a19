"""Any sampling rate of recordings → 16 kHz, streaming, without losing or shifting a sample."""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

from dragoman.core.ports import SAMPLE_RATE

Floats = NDArray[np.float32]

_CHUNKS_A_SECOND: Final = 2
"""Samples are handed to soxr in chunks this long: a call for every codec frame would cost as much as the work."""


class Resampler:
    """Takes samples of one or more channels at rates that may change, gives 16 kHz, when there is enough to be cheap.

    The sample of time t comes out at time t, and n samples at rate r become n · 16000 / r, rounded.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._rate = SAMPLE_RATE
        self._stream: soxr.ResampleStream | None = None
        self._waiting: list[Floats] = []
        self._waiting_samples = 0
        self._taken = 0
        self._given = 0

    def feed(self, samples: Floats, rate: int) -> list[Floats]:
        """Take samples, shape [n, channels], and give what is ready, as arrays of the same form."""
        ready = []
        if rate != self._rate:
            ready = self.finish()
            self._rate = rate
        self._waiting.append(samples)
        self._waiting_samples += len(samples)
        if self._waiting_samples * _CHUNKS_A_SECOND >= rate:
            ready += self._convert(last=False)
        return ready

    def finish(self) -> list[Floats]:
        """Give the rest. The resampler can be fed again afterwards, as if new."""
        ready = self._convert(last=True)
        self._stream = None
        self._taken = self._given = 0
        return ready

    def _convert(self, *, last: bool) -> list[Floats]:
        chunk = np.concatenate(self._waiting) if self._waiting else np.zeros((0, self._channels), np.float32)
        self._waiting.clear()
        self._waiting_samples = 0
        self._taken += len(chunk)
        if self._taken == 0 or self._rate == SAMPLE_RATE:
            return [chunk] if len(chunk) else []
        if self._stream is None:
            self._stream = soxr.ResampleStream(self._rate, SAMPLE_RATE, self._channels, dtype="float32", quality="HQ")
        output = self._stream.resample_chunk(chunk, last=last)
        if last:
            # soxr rounds up where the length does not divide; the recording's own length is what counts.
            owed = (2 * self._taken * SAMPLE_RATE + self._rate) // (2 * self._rate) - self._given
            output = np.pad(output, ((0, max(0, owed - len(output))), (0, 0)))[:owed]
        self._given += len(output)
        return [output] if len(output) else []
