"""Laws of word times by attention: one place for each word, in order, inside the audio, whatever the words."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.engines.whisper.align import AttentionAligner
from dragoman.engines.whisper.network import WhisperNetwork
from tiny_whisper import tiny_network

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def network() -> WhisperNetwork:
    network = tiny_network()
    network.load()
    return network


@pytest.mark.parametrize("language", ["de", "ja"])
@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.5, 7.0, 30.0, 31.0])
@pytest.mark.parametrize(
    "words", [(), ("Guten",), ("Guten", "Tag,", "-", "🎉", "你好。"), ("",), ("überall",) * 100, ("x" * 500,)]
)
def test_every_word_has_its_place(
    network: WhisperNetwork, language: str, seconds: float, words: tuple[str, ...]
) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, round(seconds * 16_000)).astype(np.float32)
    times = AttentionAligner(network, language).align(noise.data, words, characters=True)
    assert len(times) == len(words)
    edges = [edge for time in times for edge in (time.start_ms, time.end_ms)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= seconds * 1000 for edge in edges)
    for word, time in zip(words, times, strict=True):
        assert "".join(character.text for character in time.characters) == word
        inner = [edge for c in time.characters for edge in (c.start_ms, c.end_ms)]
        assert inner == sorted(inner)
        assert all(time.start_ms <= edge <= time.end_ms for edge in inner)


def test_the_same_words_get_the_same_times(network: WhisperNetwork) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 48_000).astype(np.float32)
    aligner = AttentionAligner(network, "de")
    words = ("Guten", "Tag")
    first = aligner.align(noise.data, words)
    aligner.align(noise[:16_000].data, words)
    assert aligner.align(noise.data, words) == first
