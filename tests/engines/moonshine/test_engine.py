"""The embedded engine on real speech."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from dragoman.core.errors import Cancelled, EngineNotReady
from dragoman.core.ports import Hypothesis
from dragoman.core.request import Phrase, RecognitionRequest, Vocabulary
from dragoman.engines.guards import spoken_words
from dragoman.engines.moonshine.engine import MoonshineEngine, quietest, slowed
from dragoman.engines.moonshine.model import prepare

pytestmark = pytest.mark.model

REQUEST = RecognitionRequest()


@pytest.fixture(scope="module")
def engine() -> MoonshineEngine:
    engine = MoonshineEngine()
    engine.load()
    return engine


@pytest.fixture(scope="module")
def speech(sample: Callable[[str], Path]) -> Callable[[str], np.ndarray]:
    def read(name: str) -> np.ndarray:
        with av.open(str(sample(name))) as container:
            resampler = av.AudioResampler("flt", "mono", 16_000)
            frames = [f.to_ndarray()[0] for frame in container.decode(audio=0) for f in resampler.resample(frame)]
        return np.concatenate(frames).astype(np.float32)

    return read


def recognise(engine: MoonshineEngine, audio: np.ndarray) -> Hypothesis:
    return engine.recognise(audio.astype(np.float32).data, REQUEST, lambda: False)


def test_what_is_read_aloud_is_recognised(engine: MoonshineEngine, speech: Callable[[str], np.ndarray]) -> None:
    cities = spoken_words(recognise(engine, speech("two_cities")[: 5 * 16_000]).text)
    assert " ".join(cities).startswith("it was the best of times it was the worst of times")
    beckett = spoken_words(recognise(engine, speech("beckett")).text)
    assert " ".join(beckett) == "ever tried ever failed no matter try again fail again fail better"


def test_the_level_of_the_recording_does_not_matter(
    engine: MoonshineEngine, speech: Callable[[str], np.ndarray]
) -> None:
    audio = speech("two_cities")[: 8 * 16_000]
    assert recognise(engine, audio * 0.02).text == recognise(engine, audio).text


def test_clear_words_get_more_confidence_than_words_in_noise(
    engine: MoonshineEngine, speech: Callable[[str], np.ndarray]
) -> None:
    audio = speech("two_cities")[: 8 * 16_000]
    noise = np.random.default_rng(0).normal(0, 0.6 * audio.std(), len(audio))
    clear, noisy = recognise(engine, audio), recognise(engine, audio + noise)
    assert clear.confidence > 0.8
    assert noisy.confidence < clear.confidence


def test_a_phrase_rights_what_was_misheard_and_others_change_nothing(
    engine: MoonshineEngine, speech: Callable[[str], np.ndarray]
) -> None:
    audio = speech("two_cities")[15 * 16_000 : 21 * 16_000].data

    def heard(*phrases: str) -> str:
        vocabulary = Vocabulary(tuple(Phrase(text) for text in phrases))
        return engine.recognise(audio, RecognitionRequest(vocabulary=vocabulary), lambda: False).text

    without = heard()
    assert "string of hope" in without, "the model has learnt; find another word that it mishears"
    assert "the spring of hope" in heard("spring of hope")
    assert "the spring of hope" in heard("spring")
    assert heard("harbour", "Lubeck", "Wynter", "my name is $first_name") == without


def test_a_member_of_a_class_in_its_phrase_is_heard(speech: Callable[[str], np.ndarray]) -> None:
    seasons = MoonshineEngine(class_members={"season": ("summer", "spring", "autumn")}.__getitem__)
    seasons.load()
    audio = speech("two_cities")[15 * 16_000 : 21 * 16_000].data

    def heard(*phrases: str) -> str:
        vocabulary = Vocabulary(tuple(Phrase(text) for text in phrases))
        return seasons.recognise(audio, RecognitionRequest(vocabulary=vocabulary), lambda: False).text

    assert "the string of hope" in heard()
    assert "the spring of hope" in heard("it was the $season of hope")


def test_noise_does_not_make_the_engine_loop(engine: MoonshineEngine) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 12 * 16_000)
    assert len(recognise(engine, noise).words) <= 12


def test_cancelling_stops_the_work_between_two_tokens(
    engine: MoonshineEngine, speech: Callable[[str], np.ndarray]
) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(Cancelled):
        engine.recognise(speech("two_cities")[: 10 * 16_000].data, REQUEST, cancelled)
    assert asked == 4


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match=str(tmp_path)):
        MoonshineEngine(folder=tmp_path).load()


def test_prepared_audio_is_at_one_level_and_long_enough() -> None:
    quiet = np.random.default_rng(0).normal(0, 0.001, 1600).astype(np.float32)
    prepared = prepare(quiet)
    assert len(prepared) == 24_000
    assert np.abs(prepared).max() <= 0.971
    assert not prepared[1600:].any()
    assert np.allclose(prepare(quiet * 50), prepared, atol=1e-5)


def test_slowing_keeps_the_shape_and_lengthens() -> None:
    tone = np.sin(2 * np.pi * 400 * np.arange(16_000) / 16_000).astype(np.float32)
    slow = slowed(tone)
    assert len(slow) == round(16_000 / 0.95)
    assert np.abs(np.fft.rfft(slow)).argmax() == pytest.approx(400, abs=1)  # bins of 0.95 Hz: 380 Hz


def test_the_quietest_place_is_looked_for_in_the_middle_half() -> None:
    audio = np.ones(32_000, np.float32)
    audio[1_000:3_000] = 0
    audio[18_000:20_000] = 0.01
    assert 18_000 <= quietest(audio) <= 20_000
