"""What every engine holds to, whatever it recognises."""

from __future__ import annotations

import re
import time
import wave
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest

from dragoman.core.errors import Cancelled
from dragoman.core.ports import Engine, HypothesisWord
from dragoman.core.request import RecognitionRequest
from dragoman.engines.fake import FakeEngine, Script
from dragoman.engines.moonshine.engine import MoonshineEngine
from dragoman.engines.sherpa.engine import SherpaEngine
from dragoman.engines.whisper.engine import WhisperEngine
from tiny_moonshine import larger_folder, streaming_folder
from tiny_sherpa import tiny_network as tiny_sherpa_network
from tiny_whisper import tiny_network

pytestmark = pytest.mark.contract

ENGINES: dict[str, Callable[[], Engine]] = {
    "fake": lambda: FakeEngine(Script(seconds_per_second=0.1)),
    "moonshine": MoonshineEngine,
    "moonshine-larger": lambda: MoonshineEngine(folder=larger_folder()),
    "moonshine-streaming": lambda: MoonshineEngine(folder=streaming_folder(), languages=("de",)),
    "whisper": lambda: WhisperEngine(tiny_network(), draft_batch=2),
    "whisper-en": lambda: WhisperEngine(tiny_network(multilingual=False)),
    "sherpa-transducer": lambda: SherpaEngine(tiny_sherpa_network("transducer"), languages=["en"]),
    "sherpa-streaming": lambda: SherpaEngine(
        tiny_sherpa_network("streaming_transducer"), languages=["en"], draft_batch=2
    ),
    "sherpa-greedy": lambda: SherpaEngine(tiny_sherpa_network("streaming_transducer", beam=1), languages=["de"]),
    "sherpa-nemo": lambda: SherpaEngine(tiny_sherpa_network("nemo_transducer"), languages=["en"]),
    "sherpa-sense-voice": lambda: SherpaEngine(tiny_sherpa_network("sense_voice"), language="zh"),
    "sherpa-whisper": lambda: SherpaEngine(tiny_sherpa_network("whisper")),
}


@pytest.fixture(scope="module", params=ENGINES)
def make(request: pytest.FixtureRequest) -> Callable[[], Engine]:
    return ENGINES[request.param]


@pytest.fixture(scope="module")
def engine(make: Callable[[], Engine]) -> Engine:
    engine = make()
    engine.load()
    return engine


@pytest.fixture(scope="module")
def speech(sample: Callable[[str], Path]) -> np.ndarray:
    """Ten seconds."""
    with wave.open(str(sample("beckett"))) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (16_000, 2, 1)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return (pcm / 32768).astype(np.float32)


def ask(engine: Engine) -> RecognitionRequest:
    return RecognitionRequest(language=engine.capabilities.languages[0])


def test_capabilities_can_be_shown_to_clients(engine: Engine) -> None:
    capabilities = engine.capabilities
    assert capabilities.model
    assert capabilities.version
    assert capabilities.languages
    assert all(re.fullmatch("[a-z]{2}", language) for language in capabilities.languages)
    assert 1_000 <= capabilities.max_segment_ms <= 60_000


def test_capabilities_are_known_before_the_model_is_loaded(engine: Engine, make: Callable[[], Engine]) -> None:
    assert make().capabilities == engine.capabilities


def test_the_same_audio_gives_the_same_words(engine: Engine, speech: np.ndarray) -> None:
    """Whatever was recognised in between."""
    part, other = speech[16_000:64_000], speech[80_000:112_000]
    first = engine.recognise(part.data, ask(engine), lambda: False)
    between = engine.recognise(other.data, ask(engine), lambda: False)
    assert engine.recognise(part.copy().data, ask(engine), lambda: False) == first
    assert first.words
    assert between.text != first.text


def test_the_samples_are_left_as_they_are(engine: Engine, speech: np.ndarray) -> None:
    part = speech[:32_000].copy()
    part.flags.writeable = False
    engine.recognise(part.data, ask(engine), lambda: False)
    assert np.array_equal(part, speech[:32_000])


def test_confidences_are_probabilities_and_words_have_no_spaces(engine: Engine, speech: np.ndarray) -> None:
    hypothesis = engine.recognise(speech.data, ask(engine), lambda: False)
    assert 0 <= hypothesis.confidence <= 1
    assert all(0 <= word.confidence <= 1 for word in hypothesis.words)
    assert all(word.text and not re.search(r"\s", word.text) for word in hypothesis.words)


@pytest.mark.parametrize("length", [0, 1, 159, 1_600])
def test_audio_too_short_for_a_word_has_none(engine: Engine, length: int) -> None:
    silence = np.zeros(length, np.float32)
    assert engine.recognise(silence.data, ask(engine), lambda: False).words == ()


def test_digital_silence_has_no_words(engine: Engine) -> None:
    assert engine.recognise(np.zeros(80_000, np.float32).data, ask(engine), lambda: False).words == ()


@pytest.mark.parametrize("peak", [1.0, 1e-6])
def test_any_level_is_taken(engine: Engine, speech: np.ndarray, peak: float) -> None:
    part = speech[:32_000] * np.float32(peak / np.abs(speech[:32_000]).max())
    hypothesis = engine.recognise(part.data, ask(engine), lambda: False)
    assert all(0 <= word.confidence <= 1 for word in hypothesis.words)


def test_cancelled_before_it_begins_it_does_nothing(engine: Engine, speech: np.ndarray) -> None:
    with pytest.raises(Cancelled):
        engine.recognise(speech.data, ask(engine), lambda: True)


def test_cancelled_half_way_it_stops_within_a_fifth_of_a_second_of_work(engine: Engine, speech: np.ndarray) -> None:
    asked: list[float] = []

    def cancelled() -> bool:
        asked.append(time.process_time())
        return len(asked) > 1

    began = time.process_time()
    with pytest.raises(Cancelled):
        engine.recognise(speech.data, ask(engine), cancelled)
    pauses = np.diff([began, *asked, time.process_time()])
    assert pauses.max() < 0.2


def drafts_of(engine: Engine, *audios: np.ndarray) -> list[str]:
    """Those of one utterance that grows."""
    utterance = engine.open_utterance(ask(engine))
    return [engine.draft([(utterance, audio.data)])[0].text for audio in audios]


def test_at_least_one_utterance_is_drafted_at_a_time(engine: Engine) -> None:
    assert engine.capabilities.draft_batch >= 1


def test_the_same_utterance_gives_the_same_drafts(engine: Engine, speech: np.ndarray) -> None:
    growing = [speech[:length] for length in range(8_000, 64_000, 8_000)]
    drafts = drafts_of(engine, *growing)
    assert drafts_of(engine, *growing) == drafts
    assert drafts[-1]


def test_a_batch_of_drafts_gives_what_single_ones_give(engine: Engine, speech: np.ndarray) -> None:
    starts = (0, 16_000, 80_000)
    single = [drafts_of(engine, speech[at : at + 24_000], speech[at : at + 40_000]) for at in starts]
    utterances = [engine.open_utterance(ask(engine)) for _ in starts]
    for round_, length in enumerate((24_000, 40_000)):
        batch = [(each, speech[at : at + length].data) for each, at in zip(utterances, starts, strict=True)]
        assert [draft.text for draft in engine.draft(batch)] == [drafts[round_] for drafts in single]
    assert engine.draft([]) == []


@pytest.mark.parametrize("length", [0, 1, 159, 1_600, 80_000])
def test_drafts_of_silence_or_of_next_to_nothing_have_no_words(engine: Engine, length: int) -> None:
    assert drafts_of(engine, np.zeros(length // 2, np.float32), np.zeros(length, np.float32)) == ["", ""]


def test_drafts_leave_the_samples_as_they_are(engine: Engine, speech: np.ndarray) -> None:
    part = speech[:32_000].copy()
    part.flags.writeable = False
    drafts_of(engine, part)
    assert np.array_equal(part, speech[:32_000])


def test_confidences_of_drafts_are_probabilities(engine: Engine, speech: np.ndarray) -> None:
    utterance = engine.open_utterance(ask(engine))
    for length in range(8_000, 64_000, 8_000):
        (draft,) = engine.draft([(utterance, speech[:length].data)])
        assert 0 <= draft.confidence <= 1
        assert all(0 <= word.confidence <= 1 for word in draft.words)
        assert all(word.text and not re.search(r"\s", word.text) for word in draft.words)


def test_drafts_end_close_to_what_is_recognised(engine: Engine, speech: np.ndarray) -> None:
    part = speech[: engine.capabilities.max_segment_ms * 16]
    *_, last = drafts_of(engine, *(part[:length] for length in (*range(8_000, len(part), 8_000), len(part))))
    final = engine.recognise(part.data, ask(engine), lambda: False).text
    words, right = ([re.sub(r"\W", "", word).lower() for word in text.split()] for text in (last, final))
    assert SequenceMatcher(None, words, right, autojunk=False).ratio() > 0.8


def test_what_is_settled_stays_whatever_follows(engine: Engine, speech: np.ndarray) -> None:
    """Even where the audio says something else."""
    utterance = engine.open_utterance(ask(engine))
    settled: list[HypothesisWord] = []
    for length in range(16_000, 64_000, 8_000):
        (draft,) = engine.draft([(utterance, speech[:length].data)])
        assert [word.text for word in draft.words[: len(settled)]] == [word.text for word in settled]
        settled = list(draft.words)
        utterance.settle(len(settled))
    assert settled
