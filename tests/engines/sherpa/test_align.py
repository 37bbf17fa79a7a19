"""Laws of word times as the model said them: a place for each word, in order, inside the audio, whatever the words."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.core.request import RecognitionRequest
from dragoman.engines.sherpa.align import Places, TokenAligner
from dragoman.engines.sherpa.engine import SherpaEngine
from dragoman.engines.sherpa.heard import HeardWord
from tiny_sherpa import melody, tiny_network

pytestmark = pytest.mark.model

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 64_000).astype(np.float32)
KNOWN = [HeardWord("Guten", 0.9, 400, 800), HeardWord("Tag,", 0.9, 1_000, 1_200), HeardWord("🎉", 0.9, 3_900, 4_300)]


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.5, 4.0])
@pytest.mark.parametrize("words", [(), ("Guten",), ("Guten", "Tag,", "🎉"), ("Tag,", "🎉"), ("",), ("x" * 500,) * 3])
def test_every_word_has_its_place(seconds: float, words: tuple[str, ...]) -> None:
    places = Places()
    places.remember(NOISE, KNOWN)
    audio = NOISE[len(NOISE) - round(seconds * 16_000) :]
    times = TokenAligner(places).align(audio.data, words, characters=True)
    assert len(times) == len(words)
    edges = [edge for time in times for edge in (time.start_ms, time.end_ms)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= seconds * 1000 for edge in edges)
    assert ["".join(c.text for c in time.characters) for time in times] == list(words)


def test_words_lie_where_they_were_heard_also_when_the_audio_is_asked_for_from_the_middle() -> None:
    places = Places()
    places.remember(NOISE, KNOWN)
    aligner = TokenAligner(places)
    assert [time.start_ms for time in aligner.align(NOISE.data, [word.text for word in KNOWN])] == [400, 1_000, 3_900]
    tail = aligner.align(NOISE[14_400:].data, ["Tag,", "🎉"])
    assert [(time.start_ms, time.end_ms) for time in tail] == [(100, 300), (3_000, 3_100)]


def test_words_that_nobody_heard_share_the_audio_by_their_length() -> None:
    times = TokenAligner(Places()).align(NOISE.data, ["a", "bbb"])
    assert [(time.start_ms, time.end_ms) for time in times] == [(0, 1_000), (1_000, 4_000)]


@pytest.mark.parametrize("kind", ["transducer", "streaming_transducer", "nemo_transducer", "sense_voice"])
def test_what_an_engine_recognises_has_the_times_of_the_sounds(kind: str) -> None:
    engine = SherpaEngine(tiny_network(kind), languages=["en"])
    engine.load()
    audio = melody(0, 5, 6, 2)
    texts = [word.text for word in engine.recognise(audio.data, RecognitionRequest(), lambda: False).words]
    times = TokenAligner(engine.places).align(audio.data, texts)
    assert [abs(time.start_ms - tone_ms) <= 80 for time, tone_ms in zip(times, (0, 320, 960), strict=True)] == [
        True
    ] * 3
    (draft,) = engine.draft([(engine.open_utterance(RecognitionRequest()), audio.data)])
    drafted = TokenAligner(engine.places).align(audio[5_120:].data, [word.text for word in draft.words[1:]])
    assert abs(drafted[0].start_ms) <= 80
