"""The spectrogram of Whisper models is the one that they were trained with."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.engines.sherpa.log_mel import WINDOW, log_mel
from tiny_sounds import tone

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("seconds", [0.0, 0.01, 3.3, 31.0])
def test_it_is_that_of_faster_whisper(bands: int, seconds: float) -> None:
    features = pytest.importorskip("faster_whisper.feature_extractor", reason="the extra whisper is not installed")
    sound = tone(440, seconds) + np.random.default_rng(0).normal(0, 0.01, round(seconds * 16_000)).astype(np.float32)
    heard = np.zeros(WINDOW, np.float32)
    heard[: len(sound)] = sound[:WINDOW]
    theirs = features.FeatureExtractor(feature_size=bands)(heard, padding=0)
    np.testing.assert_allclose(log_mel(sound, bands), theirs, atol=1e-5)


def test_what_is_louder_by_a_factor_looks_the_same_but_brighter() -> None:
    quiet, loud = (log_mel(tone(440, 30, level), 80) for level in (0.05, 0.5))
    np.testing.assert_allclose(loud - quiet, 0.5, atol=1e-3)
