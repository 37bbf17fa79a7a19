"""Laws of the engine that are Whisper's own; the others are in the contract suite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.core.request import RecognitionRequest
from dragoman.engines.whisper.engine import BEAMS, WhisperEngine
from dragoman.engines.whisper.network import WhisperNetwork
from tiny_whisper import save_tiny_whisper, tiny_folder, tiny_network

pytestmark = pytest.mark.model

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 96_000).astype(np.float32)
ENGLISH = RecognitionRequest(language="en")


@pytest.fixture(scope="module")
def engine() -> WhisperEngine:
    engine = WhisperEngine(tiny_network(), language="de")
    engine.load()
    return engine


def texts(engine: WhisperEngine, language: str | None) -> str:
    return engine.recognise(NOISE.data, RecognitionRequest(language=language), lambda: False).text


def test_the_language_of_the_request_is_the_one_that_is_recognised(engine: WhisperEngine) -> None:
    assert texts(engine, "en") != texts(engine, "de")


def test_a_request_without_a_language_is_in_that_of_the_profile(engine: WhisperEngine) -> None:
    assert engine.capabilities.languages[0] == "de"
    assert texts(engine, None) == texts(engine, "de")


def test_every_language_that_is_named_is_recognised(engine: WhisperEngine) -> None:
    assert all(texts(engine, language) for language in engine.capabilities.languages)


def test_a_language_that_the_model_does_not_know_is_an_error() -> None:
    with pytest.raises(EngineNotReady, match="'xx'"):
        WhisperEngine(tiny_network(), language="xx").load()


@pytest.mark.parametrize("mode", BEAMS)
def test_every_mode_recognises(engine: WhisperEngine, mode: str) -> None:
    assert engine.in_mode(mode).recognise(NOISE.data, ENGLISH, lambda: False).words


@pytest.mark.parametrize("weights", [{"sure": False}, {"ends": False}])
def test_what_is_a_guess_or_does_not_come_to_an_end_is_not_believed(tmp_path: Path, weights: dict[str, bool]) -> None:
    tiny_folder()  # skips where the extra is not installed
    engine = WhisperEngine(WhisperNetwork(save_tiny_whisper(tmp_path / "odd", **weights)))
    engine.load()
    assert engine.recognise(NOISE.data, ENGLISH, lambda: False).words == ()
    assert engine.draft([(engine.open_utterance(ENGLISH), NOISE.data)])[0].words == ()


def test_an_utterance_in_a_language_without_spaces_settles_too(engine: WhisperEngine) -> None:
    utterance = engine.open_utterance(RecognitionRequest(language="ja"))
    (first,) = engine.draft([(utterance, NOISE[:48_000].data)])
    utterance.settle(len(first.words))
    (second,) = engine.draft([(utterance, NOISE.data)])
    assert first.words
    assert second.words[: len(first.words)] == first.words
