"""Laws of the fake engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import EngineNotReady
from dragoman.core.request import Phrase, RecognitionRequest, Vocabulary
from dragoman.engines.fake import AllSpeech, EvenAligner, FakeEngine, Mishap, Script, read_script

pytestmark = pytest.mark.unit

REQUEST = RecognitionRequest(language="en")
WORD = st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=20)


def noise(seconds: float, peak: float = 0.1, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-peak, peak, round(seconds * 16_000)).astype(np.float32)


def hear(engine: FakeEngine, audio: np.ndarray) -> str:
    return engine.recognise(audio.data, REQUEST, lambda: False).text


def test_longer_audio_has_more_words() -> None:
    counts = [len(hear(FakeEngine(), noise(seconds)).split()) for seconds in (0.5, 1, 2, 4)]
    assert counts == sorted(set(counts))


def test_other_audio_says_other_words() -> None:
    assert len({hear(FakeEngine(), noise(3, seed=seed)) for seed in range(10)}) == 10


def test_a_script_says_only_its_texts() -> None:
    texts = ("Good morning.", "How are you?")
    heard = {hear(FakeEngine(Script(texts=texts)), noise(1, seed=seed)) for seed in range(20)}
    assert heard == set(texts)


def test_preferred_phrases_are_what_is_said_unless_a_script_says_otherwise() -> None:
    phrases = ("blue tulip", "call $first_name")
    request = RecognitionRequest(language="en", vocabulary=Vocabulary(tuple(map(Phrase, phrases))))

    def heard(engine: FakeEngine) -> set[str]:
        return {engine.recognise(noise(1, seed=seed).data, request, lambda: False).text for seed in range(20)}

    assert heard(FakeEngine()) == {"blue tulip", "call first_name"}
    assert heard(FakeEngine(Script(texts=("Good morning.",)))) == {"Good morning."}


def test_a_script_says_how_sure_every_word_is() -> None:
    heard = FakeEngine(Script(confidence=0.5)).recognise(noise(2).data, REQUEST, lambda: False)
    assert {word.confidence for word in heard.words} == {heard.confidence} == {0.5}


def test_a_text_without_words_is_a_segment_without_words() -> None:
    assert FakeEngine(Script(texts=("",))).recognise(noise(1).data, REQUEST, lambda: False).words == ()


def test_a_mishap_befalls_loud_audio_alone() -> None:
    engine = FakeEngine(Script(mishaps=(Mishap(above=0.5, kind="error"),)))
    assert hear(engine, noise(1, peak=0.4))
    with pytest.raises(RuntimeError):
        hear(engine, noise(1, peak=0.9))


def test_a_tally_outlives_the_engine_that_counts_on_it(tmp_path: Path) -> None:
    script = Script(mishaps=(Mishap(above=0.5, kind="error", times=2, tally=str(tmp_path / "tally")),))
    for _ in range(2):
        with pytest.raises(RuntimeError):
            hear(FakeEngine(script), noise(1, peak=0.9))
    assert hear(FakeEngine(script), noise(1, peak=0.9))


def test_a_script_is_read_as_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "script.json"
    file.write_text(json.dumps({"texts": ["Hello."], "mishaps": [{"above": 0.5, "kind": "hang"}]}))
    assert read_script(file) == Script(texts=("Hello.",), mishaps=(Mishap(above=0.5, kind="hang"),))


@pytest.mark.parametrize("content", [None, "{", '{"text": []}', '{"languages": []}', '{"mishaps": [{"kind": "fire"}]}'])
def test_a_script_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "script.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(EngineNotReady, match=r"script\.json"):
        read_script(file)


@given(words=st.lists(WORD, min_size=1, max_size=40), samples=st.integers(0, 200_000))
def test_words_and_characters_fill_the_segment_in_order(words: list[str], samples: int) -> None:
    times = EvenAligner().align(np.zeros(samples, np.float32).data, words, characters=True)
    edges = [0]
    for word, time in zip(words, times, strict=True):
        assert "".join(character.text for character in time.characters) == word
        assert (time.characters[0].start_ms, time.characters[-1].end_ms) == (time.start_ms, time.end_ms)
        edges += [edge for character in time.characters for edge in (character.start_ms, character.end_ms)]
    edges.append(samples // 16)
    assert edges == sorted(edges)
    assert times[-1].end_ms == samples // 16


@given(pieces=st.lists(st.integers(0, 3_000), max_size=20))
def test_every_whole_frame_is_speech_in_whatever_pieces_it_comes(pieces: list[int]) -> None:
    stream = AllSpeech().open()
    probabilities = np.concatenate([np.zeros(0), *(stream.feed(np.zeros(n, np.float32)) for n in pieces)])
    assert probabilities.tolist() == [1.0] * (sum(pieces) // 512)


@given(
    seed=st.integers(0, 50), phrases=st.lists(st.sampled_from(["blue tulip", "one two three four five"]), max_size=2)
)
def test_drafts_grow_word_by_word_towards_what_is_recognised(seed: int, phrases: list[str]) -> None:
    audio = noise(4, seed=seed)
    request = RecognitionRequest(language="en", vocabulary=Vocabulary(tuple(map(Phrase, phrases))))
    engine = FakeEngine()
    utterance = engine.open_utterance(request)
    final = [word.text.rstrip(".") for word in engine.recognise(audio.data, request, lambda: False).words]
    counts = []
    for length in range(0, len(audio) + 1, 4_000):
        (draft,) = engine.draft([(utterance, audio[:length].data)])
        assert [word.text for word in draft.words] == final[: len(draft.words)]
        counts.append(len(draft.words))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, len(final))


def test_a_mishap_befalls_drafts_too() -> None:
    engine = FakeEngine(Script(mishaps=(Mishap(above=0.5, kind="error"),)))
    utterance = engine.open_utterance(REQUEST)
    assert engine.draft([(utterance, noise(1, peak=0.4).data)])[0].words
    with pytest.raises(RuntimeError):
        engine.draft([(utterance, noise(1, peak=0.9).data)])
