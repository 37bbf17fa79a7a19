"""Laws of the engine that are sherpa-onnx's own; the others are in the contract suite."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.core.request import Phrase, RecognitionRequest, Vocabulary
from dragoman.engines.sherpa.engine import SherpaEngine
from tiny_sherpa import FAVOURITE, KINDS, RIVAL, melody, tiny_network

pytestmark = pytest.mark.model

ENGLISH = RecognitionRequest(language="en")
RIVALS = RecognitionRequest(vocabulary=Vocabulary((Phrase(RIVAL.strip("▁")),)))
TUNE = melody(0, 5, 6, 2, 8, 1, 7, 4, 0, 3)
SAID = "ALPHA FOXTROT CHARLIE HOTEL BRAVO GOLF ECHO ALPHA DELTA"


def engine_of(kind: str, **more: object) -> SherpaEngine:
    engine = SherpaEngine(tiny_network(kind), **({"languages": ("en", "de")} | more))  # type: ignore[arg-type]
    engine.load()
    return engine


@pytest.fixture(scope="module")
def streaming() -> SherpaEngine:
    return engine_of("streaming_transducer", draft_batch=4)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_is_recognised_and_so_is_each_half_of_it(kind: str) -> None:
    engine = engine_of(kind)
    assert engine.recognise(TUNE.data, ENGLISH, lambda: False).text == SAID
    assert engine.recognise(TUNE[: len(TUNE) // 2].data, ENGLISH, lambda: False).text == "ALPHA FOXTROT CHARLIE HOTEL"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [1_600, 3_000, 8_000])
def test_the_shortest_sounds_are_heard_without_harm(kind: str, length: int) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, length).astype(np.float32)
    engine = engine_of(kind)
    assert len(engine.recognise(noise.data, ENGLISH, lambda: False).words) <= length // 400
    engine.draft([(engine.open_utterance(ENGLISH), noise.data)])


def test_a_live_utterance_is_fed_only_what_is_new_and_says_the_same(streaming: SherpaEngine) -> None:
    utterance = streaming.open_utterance(ENGLISH)
    for length in range(1_600, len(TUNE) + 1, 1_600):
        (draft,) = streaming.draft([(utterance, TUNE[:length].data)])
        assert utterance.fed == length
        assert SAID.startswith(draft.text)
    (at_once,) = streaming.draft([(streaming.open_utterance(ENGLISH), TUNE.data)])
    assert draft == at_once
    assert len(draft.words) > 6


def test_an_utterance_outlives_the_memory_of_the_model(streaming: SherpaEngine) -> None:
    utterance = streaming.open_utterance(ENGLISH)
    half = len(TUNE) // 2
    streaming.draft([(utterance, TUNE[:half].data)])
    streaming.network.give_back()
    (whole,) = streaming.draft([(streaming.open_utterance(ENGLISH), TUNE.data)])
    assert streaming.draft([(utterance, TUNE.data)]) == [whole]


def test_a_word_that_would_grow_after_it_was_settled_stays_as_it_was(streaming: SherpaEngine) -> None:
    fox, foxtrot = melody(5, 5, 5), melody(5, 5, 5, 6, 6, 6, 2, 2, 2)
    utterance = streaming.open_utterance(ENGLISH)
    (draft,) = streaming.draft([(utterance, fox.data)])
    assert draft.text == "FOX"
    utterance.settle(1)
    assert streaming.draft([(utterance, foxtrot.data)])[0].text == "FOX CHARLIE"


@pytest.mark.parametrize("kind", ["transducer", "streaming_transducer", "nemo_transducer"])
def test_phrases_of_the_request_count_for_drafts_and_finals(kind: str) -> None:
    engine = engine_of(kind)
    wished = SAID.replace(FAVOURITE.strip("▁"), RIVAL.strip("▁"))
    assert engine.capabilities.phrases
    assert engine.recognise(TUNE.data, RIVALS, lambda: False).text == wished
    padded = np.concatenate([TUNE, np.zeros(16_000, np.float32)])
    assert engine.draft([(engine.open_utterance(RIVALS), padded.data)])[0].text == wished


def test_words_are_as_likely_as_the_model_says() -> None:
    engine = engine_of("transducer")
    words = {word.text: word.confidence for word in engine.recognise(TUNE.data, ENGLISH, lambda: False).words}
    assert words["ALPHA"] > 0.99
    assert 0.5 < words[FAVOURITE.strip("▁")] < 0.8


def test_in_a_language_without_spaces_every_character_is_a_word() -> None:
    engine = engine_of("sense_voice", language="zh")
    hypothesis = engine.recognise(melody(0, 1, 7, 2).data, RecognitionRequest(), lambda: False)
    assert [word.text for word in hypothesis.words] == ["你", "好。", "我"]


def test_a_model_that_writes_on_and_on_is_not_believed() -> None:
    engine = engine_of("whisper")
    alpha = melody(*[0] * 12)
    assert engine.recognise(alpha.data, ENGLISH, lambda: False).words == ()
    assert engine.draft([(engine.open_utterance(ENGLISH), alpha.data)])[0].words == ()


def test_the_language_of_the_profile_comes_first_and_is_the_default() -> None:
    engine = engine_of("sense_voice", language="ja")
    assert engine.capabilities.languages == ("ja", "en", "zh", "ko")
    assert SherpaEngine(tiny_network("transducer"), language="cs").capabilities.languages == ("cs",)


def test_a_language_that_the_model_does_not_know_is_an_error() -> None:
    with pytest.raises(EngineNotReady, match="'xx'"):
        SherpaEngine(tiny_network("whisper"), language="xx").load()


def test_without_a_word_about_its_languages_a_transducer_is_not_used() -> None:
    with pytest.raises(EngineNotReady, match="languages"):
        SherpaEngine(tiny_network("transducer")).load()
