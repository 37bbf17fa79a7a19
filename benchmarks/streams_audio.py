"""Live streams for the benchmark: utterances of the recordings joined by pauses of low noise, 8 and 16 kHz in turn."""

from __future__ import annotations

import random
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from benchmarks.recordings import Recording, read_manifest, write_wave
from dragoman.core.ports import SAMPLE_RATE

SEED = 4
SECONDS = 60
_UTTERANCE_S = (2.0, 12.0)
_PAUSE_S = (0.8, 1.5)
_LEAD_S = 1.0
_NOISE = 3e-4
"""About -70 dBFS."""
_FOLDERS = {16_000: ("read", "accented"), 8_000: ("read", "telephone")}


@dataclass(frozen=True, slots=True)
class SpokenStream:
    rate: int
    path: Path
    """A WAV file of it."""
    text: str
    seconds: float

    def pcm(self) -> bytes:
        with wave.open(str(self.path)) as file:
            return file.readframes(file.getnframes())


def build_streams(audio: Path, folder: Path, count: int) -> list[SpokenStream]:
    """The same for the same recordings. No utterance comes twice before all have come."""
    random_order = random.Random(SEED)
    recordings = read_manifest(audio)
    waiting: dict[int, list[Recording]] = {rate: [] for rate in _FOLDERS}
    streams = []
    for number in range(count):
        rate = (16_000, 8_000)[number % 2]
        chosen: list[Recording] = []
        while sum(r.seconds + sum(_PAUSE_S) / 2 for r in chosen) < SECONDS:
            if not waiting[rate]:
                waiting[rate] = _usable(recordings, _FOLDERS[rate])
                random_order.shuffle(waiting[rate])
            chosen.append(waiting[rate].pop())
        pauses = [_LEAD_S, *(random_order.uniform(*_PAUSE_S) for _ in chosen[1:]), _PAUSE_S[1]]
        samples = joined([r.samples() for r in chosen], pauses, number)
        if rate != SAMPLE_RATE:
            samples = soxr.resample(samples, SAMPLE_RATE, rate)
        path = folder / f"stream-{number}.wav"
        write_wave(path, samples, rate)
        text = " ".join(recording.text or "" for recording in chosen)
        streams.append(SpokenStream(rate, path, text, len(samples) / rate))
    return streams


def joined(
    utterances: Sequence[npt.NDArray[np.float32]], pauses_s: Sequence[float], seed: int
) -> npt.NDArray[np.float32]:
    """A pause before each utterance and one after the last, noise under all."""
    parts: list[npt.NDArray[np.float32]] = []
    for pause_s, utterance in zip(pauses_s, [*utterances, np.zeros(0, np.float32)], strict=True):
        parts += [np.zeros(round(pause_s * SAMPLE_RATE), np.float32), utterance]
    samples = np.concatenate(parts)
    noise = np.random.default_rng(seed).normal(0, _NOISE, len(samples))
    return (samples + noise).astype(np.float32)


def _usable(recordings: Sequence[Recording], folders: Sequence[str]) -> list[Recording]:
    shortest, longest = _UTTERANCE_S
    return [r for r in recordings if r.folder in folders and r.is_scored and shortest <= r.seconds <= longest]
