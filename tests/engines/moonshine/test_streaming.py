"""A streaming model: what was heard is kept, and what it says is what it would say of the whole."""

from __future__ import annotations

import json
import shutil
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.errors import Cancelled, EngineNotReady
from dragoman.core.request import Phrase, RecognitionRequest, Vocabulary
from dragoman.engines.moonshine.beam import log_softmax, search
from dragoman.engines.moonshine.engine import MoonshineEngine
from dragoman.engines.moonshine.streaming import StreamingModel
from dragoman.engines.moonshine.tokenizer import BEGIN, Tokenizer
from tiny_moonshine import DEPTH, LOOKAHEAD, save_streaming, streaming_folder

pytestmark = pytest.mark.model

NOISE = np.random.default_rng(1).normal(0, 0.1, 5 * 16_000).astype(np.float32)
GERMAN = RecognitionRequest(language="de")


class CountedModel(StreamingModel):
    """Knows how many frames its encoder was given."""

    frames = 0

    def encode_features(self, features: np.ndarray) -> np.ndarray:
        self.frames += features.shape[1]
        return super().encode_features(features)


@pytest.fixture(scope="module")
def model() -> CountedModel:
    model = CountedModel(streaming_folder())
    model.load()
    return model


@pytest.fixture(scope="module")
def engine() -> MoonshineEngine:
    engine = MoonshineEngine(folder=streaming_folder(), languages=("de",))
    engine.load()
    return engine


@pytest.fixture(scope="module")
def speech(sample: Callable[[str], Path]) -> np.ndarray:
    with wave.open(str(sample("beckett"))) as file:
        return (np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(NOISE)), max_size=8))
def test_however_an_utterance_grows_its_states_are_those_of_the_whole(lengths: list[int]) -> None:
    model = StreamingModel(streaming_folder())
    model.load()
    hear = model.listen()
    for length in sorted(lengths):
        hear(NOISE[:length])
    grown, whole = hear(NOISE), model.encode(NOISE)
    assert whole.shape[-2] - grown.shape[-2] in (0, 1)  # 20 ms wait for the next 20
    settled = whole.shape[-2] - 1 - LOOKAHEAD
    assert np.allclose(grown[..., :settled, :], whole[..., :settled, :], atol=1e-3)


def test_what_was_heard_is_not_encoded_again(model: CountedModel) -> None:
    hear, lengths = model.listen(), range(8_000, len(NOISE), 8_000)
    model.frames = 0
    for length in lengths:
        hear(NOISE[:length])
    frames = lengths[-1] // 320
    assert frames <= model.frames <= frames + len(lengths) * (16 * DEPTH + LOOKAHEAD)


@pytest.mark.parametrize("length", [0, 1, 639])
def test_too_little_sound_has_no_states(model: CountedModel, length: int) -> None:
    assert model.listen()(NOISE[:length]).shape[-2] == 0


def test_weights_of_the_frontend_may_be_a_file_of_their_own(model: CountedModel, tmp_path: Path) -> None:
    apart = StreamingModel(save_streaming(tmp_path / "apart", apart=True))
    apart.load()
    assert np.array_equal(apart.encode(NOISE), model.encode(NOISE))


def test_hypotheses_keep_their_own_history(model: CountedModel) -> None:
    states = model.encode(NOISE)
    first, second = [900, 1_500, 4_000, 700], [4_000, 900, 700, 1_500]

    def rows(*hypotheses: list[int]) -> np.ndarray:
        state = model.begin(states)
        model.step(np.array([[BEGIN]], np.int64), state)
        state.select(np.zeros(len(hypotheses), np.intp))
        for tokens in zip(*hypotheses, strict=True):
            logits = model.step(np.array([[token] for token in tokens], np.int64), state)
        return logits[:, -1]

    alone = np.concatenate([rows(first), rows(second)])
    assert np.allclose(rows(first, second), alone, atol=1e-4)
    assert not np.allclose(alone[0], alone[1], atol=0.1)


def test_several_tokens_at_once_and_a_state_that_was_cut_go_on_as_one_by_one(model: CountedModel) -> None:
    states = model.encode(NOISE)
    tokens = [BEGIN, 900, 1_500, 4_000, 700]
    state = model.begin(states)
    one_by_one = np.array([model.step(np.array([[token]], np.int64), state)[0, 0] for token in tokens])
    state = model.begin(states)
    at_once = model.step(np.array([[*tokens[:3], 31, 32]], np.int64), state)[0, :3]
    state.cut(3)
    rest = model.step(np.array([tokens[3:]], np.int64), state)[0]
    assert np.allclose(np.concatenate([at_once, rest]), one_by_one, atol=1e-4)


def test_a_phrase_nearly_as_likely_as_what_was_said_is_said(engine: MoonshineEngine, speech: np.ndarray) -> None:
    """In finals and in drafts."""
    part = speech[: 4 * 16_000]
    tokenizer = Tokenizer.read(streaming_folder() / "tokenizer.bin")
    said = [token for word in engine.recognise(part.data, GERMAN, lambda: False).words for token in
            tokenizer.encode_word(word.text)]  # fmt: skip
    network = engine.network
    rows = log_softmax(network.step(np.array([[BEGIN, *said]], np.int64), network.begin(network.encode(part)))[0, :-1])
    seconds = rows.argsort(axis=1)[:, -2]
    nearest = int((rows[np.arange(len(said)), seconds] - rows[np.arange(len(said)), said]).argmax())
    nearly = tokenizer.decode([int(seconds[nearest])])
    preferred = RecognitionRequest(language="de", vocabulary=Vocabulary(phrases=(Phrase(nearly),)))
    (draft,) = engine.draft([(engine.open_utterance(preferred), part.data)])
    for hypothesis in (engine.recognise(part.data, preferred, lambda: False), draft):
        assert hypothesis.words[nearest].text == nearly != tokenizer.decode([said[nearest]])


def test_more_beams_never_find_less(model: CountedModel, speech: np.ndarray) -> None:
    states = model.encode(speech[:64_000])
    scores = [search(model, states, 64_000, width, lambda: False)[0].score for width in (1, 2, 4)]
    assert scores == sorted(scores)


def test_encoding_a_long_segment_can_be_left(model: CountedModel) -> None:
    asked = iter([False, True, True])
    began = time.process_time()
    with pytest.raises(Cancelled):
        model.encode(np.tile(NOISE, 60), lambda: next(asked))
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("file", "other", "said"),
    [
        ("adapter.ort", "encoder.ort", r"adapter.ort takes features where encoded, pos_offset is expected"),
        ("decoder_kv.ort", "cross_kv.ort", r"decoder_kv.ort takes memory where .*token.* is expected"),
        ("frontend.ort", "encoder.ort", r"frontend.ort takes features where audio_chunk.* is expected"),
        ("encoder.ort", "tokenizer.bin", "cannot be read"),
    ],
)
def test_a_file_of_another_release_is_named_with_what_is_expected(
    tmp_path: Path, file: str, other: str, said: str
) -> None:
    folder = shutil.copytree(streaming_folder(), tmp_path / "model")
    shutil.copy(folder / other, folder / file)
    with pytest.raises(EngineNotReady, match=said):
        MoonshineEngine(folder=folder).load()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"depth": 3}, "streaming_config.json says"),
        ({"vocab_size": 77}, "decoder_kv.ort gives logits"),
        ({"depth": "two"}, "depth is 'two'"),
        ({"nheads": 0}, "nheads is 0"),
        ({"eos_id": 7}, "bos_id, eos_id"),
        ({"c1": None}, "c1"),
    ],
)
def test_a_configuration_that_does_not_fit_is_said(tmp_path: Path, change: dict[str, object], said: str) -> None:
    folder = shutil.copytree(streaming_folder(), tmp_path / "model")
    config = json.loads((folder / "streaming_config.json").read_text())
    (folder / "streaming_config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(EngineNotReady, match=said):
        MoonshineEngine(folder=folder).load()


@pytest.mark.parametrize("text", ["", "[]", "{", "{}"])
def test_a_configuration_that_says_nothing_is_named(tmp_path: Path, text: str) -> None:
    folder = shutil.copytree(streaming_folder(), tmp_path / "model")
    (folder / "streaming_config.json").write_text(text)
    with pytest.raises(EngineNotReady, match=r"streaming_config\.json"):
        MoonshineEngine(folder=folder).load()
