"""Laws of word times by attention: one place for each word, in order, inside the audio, and near where it is said."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.analysis.align import PocketSphinxAligner
from dragoman.core.request import RecognitionRequest
from dragoman.engines.moonshine.align import AttentionAligner, monotonic
from dragoman.engines.moonshine.engine import MoonshineEngine
from tiny_moonshine import larger_folder, streaming_folder

pytestmark = pytest.mark.model


@pytest.fixture(scope="module", params=["larger", "streaming"])
def aligner(request: pytest.FixtureRequest) -> AttentionAligner:
    """One that has the decoder's attention, and one that has not."""
    folder = larger_folder() if request.param == "larger" else streaming_folder()
    engine = MoonshineEngine(folder=folder, languages=("ja",))
    engine.load()
    return AttentionAligner(engine)


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.5, 7.0])
@pytest.mark.parametrize("words", [(), ("Guten",), ("Guten", "Tag,", "-", "🎉", "你好。"), ("",), ("x" * 100,) * 4])
def test_every_word_has_its_place(aligner: AttentionAligner, seconds: float, words: tuple[str, ...]) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, round(seconds * 16_000)).astype(np.float32)
    times = aligner.align(noise.data, words, characters=True)
    assert len(times) == len(words)
    edges = [edge for time in times for edge in (time.start_ms, time.end_ms)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= seconds * 1000 for edge in edges)
    for word, time in zip(words, times, strict=True):
        assert "".join(character.text for character in time.characters) == word


def test_words_begin_near_where_the_forced_aligner_has_them(sample: Callable[[str], Path]) -> None:
    with wave.open(str(sample("beckett"))) as file:
        speech = (np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768).astype(np.float32)
    engine = MoonshineEngine()
    engine.load()
    words = [word.text for word in engine.recognise(speech.data, RecognitionRequest(), lambda: False).words]
    forced = PocketSphinxAligner()
    forced.load()
    starts = [
        np.array([time.start_ms for time in aligner.align(speech.data, words)])
        for aligner in (AttentionAligner(engine), forced)
    ]
    assert np.median(np.abs(starts[0] - starts[1])) < 100


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_the_path_follows_where_the_attention_is(lengths: list[int]) -> None:
    starts = np.cumsum([0, *lengths])[:-1]
    attention = np.full((len(lengths), sum(lengths)), 0.001, np.float32)
    for token, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        attention[token, start : start + length] = 1.0
    assert list(monotonic(attention)) == list(starts)
