"""The speaker models in the wheel, and the embedding network written anew around its weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from dragoman.analysis.fbank import Floats, fbank
from dragoman.analysis.speaker_models import (
    DIMENSIONS,
    FRAME,
    FRAME_SIZE,
    SEGMENT_SAMPLES,
    SpeakerModels,
    embedded_model,
    segment_frame,
)
from dragoman.core.errors import EngineNotReady
from recordings import speech

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def models() -> SpeakerModels:
    models = SpeakerModels()
    models.load()
    return models


@pytest.fixture(scope="module")
def features(sample: Callable[[str], Path]) -> Floats:
    found = fbank(speech(sample("two_cities"), 16_000, 4.0))
    return found - found.mean(0)


@pytest.fixture(scope="module")
def original() -> ort.InferenceSession:
    return ort.InferenceSession(embedded_model("embedding_ort_data"), providers=["CPUExecutionProvider"])


def test_voices_are_those_of_the_wheels_own_network(
    models: SpeakerModels, features: Floats, original: ort.InferenceSession
) -> None:
    frames = models.frames(features)
    parts = np.zeros((3, len(frames)), np.float32)
    parts[0], parts[1, 5:30], parts[2, 20:] = 1, 1, 1
    # The file takes one weight of the features for each of its frames.
    edges = np.arange(len(frames) + 1) * len(features) // len(frames)
    stretched = np.repeat(parts, np.diff(edges), axis=1)
    (expected,) = original.run(None, {"fbank": np.stack([features] * 3), "weights": stretched})
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert models.pool(frames, parts) == pytest.approx(expected, abs=2e-4)


def test_a_frame_is_eighty_milliseconds(models: SpeakerModels, features: Floats) -> None:
    frames = models.frames(features)
    assert frames.shape == (-(-len(features) * 160 // FRAME), FRAME_SIZE)
    assert models.pool(frames, np.ones((2, len(frames)), np.float32)).shape == (2, DIMENSIONS)


def test_speech_is_heard_where_it_is(models: SpeakerModels, sample: Callable[[str], Path]) -> None:
    audio = np.zeros(SEGMENT_SAMPLES, np.float32)
    audio[64_000:128_000] = speech(sample("two_cities"), 16_000, 4.0)
    heard = models.segment(audio).any(1)
    first, end, last = segment_frame(np.array([64_000, 128_000, SEGMENT_SAMPLES]))
    assert heard[first:end].mean() > 0.8
    assert not heard[: first - 30].any()
    assert not heard[end + 30 : last].any()


def test_what_the_wheel_does_not_carry_is_said_in_words() -> None:
    with pytest.raises(EngineNotReady, match=r"moonshine-voice"):
        embedded_model("no_such_data")
