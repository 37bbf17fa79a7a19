"""Recordings for the fake engine, which takes everything for speech: noise, of which no two stretches are alike."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

RATE = 16_000
QUIET = 0.1
LOUD = 0.8
SILENT = 0.0


def noise_file(path: Path, *channels: Sequence[tuple[float, float]], seed: int = 1) -> Path:
    """A WAV file at 16 kHz. Each channel is a list of (seconds, peak)."""
    rng = np.random.default_rng(seed)
    sounds = [
        np.concatenate([peak * rng.uniform(-1, 1, round(seconds * RATE)) for seconds, peak in channel])
        for channel in channels
    ]
    samples = np.stack(sounds, axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path
