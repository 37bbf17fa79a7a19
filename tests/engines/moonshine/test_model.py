"""The decoder's own graph against the model file that its weights come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import onnxruntime as ort
import pytest

from dragoman.engines.moonshine.beam import log_softmax, search
from dragoman.engines.moonshine.model import MoonshineModel
from dragoman.engines.moonshine.tokenizer import BEGIN

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def model(folder: Path) -> MoonshineModel:
    model = MoonshineModel(folder)
    model.load()
    return model


@pytest.fixture(scope="module")
def speech(sample: Callable[[str], Path]) -> np.ndarray:
    with av.open(str(sample("two_cities"))) as container:
        resampler = av.AudioResampler("flt", "mono", 16_000)
        frames = [f.to_ndarray()[0] for frame in container.decode(audio=0) for f in resampler.resample(frame)]
    return np.concatenate(frames)[9 * 16_000 : 17 * 16_000].astype(np.float32)


def file_logits(folder: Path, states: np.ndarray, length: int, tokens: list[int]) -> np.ndarray:
    """Logits after each of the tokens, one by one, by the file's own graph."""
    session = ort.InferenceSession(str(folder / "decoder_model_merged.ort"), providers=["CPUExecutionProvider"])
    names = [
        f"{layer}.{side}.{part}" for layer in range(6) for side in ("decoder", "encoder") for part in ("key", "value")
    ]
    kept = dict.fromkeys(names, np.zeros((1, 8, 0, 36), np.float32))
    rows = []
    for at, token in enumerate(tokens):
        feed = {
            "input_ids": np.array([[token]], np.int64),
            "encoder_hidden_states": states,
            "encoder_attention_mask": np.ones((1, length), np.int64),
            "use_cache_branch": np.array([at > 0]),
            **{f"past_key_values.{name}": value for name, value in kept.items()},
        }
        logits, *present = session.run(["logits", *(f"present.{name}" for name in names)], feed)
        # The branch with the cache leaves the encoder's keys empty; those of the first step stay valid.
        kept |= {name: value for name, value in zip(names, present, strict=True) if at == 0 or "decoder" in name}
        rows.append(logits[0, -1])
    return np.array(rows)


def test_the_rewritten_decoder_computes_what_the_file_does(
    model: MoonshineModel, folder: Path, speech: np.ndarray
) -> None:
    states = model.encode(speech)
    best = search(model, states, len(speech), 1, lambda: False)[0]
    tokens = [BEGIN, *best.tokens[:16]]
    theirs = log_softmax(file_logits(folder, states, len(speech), tokens))
    state = model.begin(states)
    ours = log_softmax(np.array([model.step(np.array([[token]], np.int64), state)[0, 0] for token in tokens]))
    assert (theirs.argmax(axis=1) == ours.argmax(axis=1)).all()
    # Sums in another order tip a few activations into the next step of their quantisation.
    likely = theirs > -7
    assert np.abs(theirs - ours)[likely].max() < 0.3
    assert np.abs(theirs - ours)[likely].mean() < 0.03


def test_hypotheses_keep_their_own_history(model: MoonshineModel, speech: np.ndarray) -> None:
    states = model.encode(speech)
    first, second = [5, 300, 278, 471], [5, 900, 4000, 278]
    alone = []
    for tokens in (first, second):
        state = model.begin(states)
        alone.append([model.step(np.array([[t]], np.int64), state)[0, 0] for t in (BEGIN, *tokens)][-1])
    state = model.begin(states)
    model.step(np.array([[BEGIN]], np.int64), state)
    state.select(np.array([0, 0]))
    for pair in zip(first, second, strict=True):
        together = model.step(np.array([[t] for t in pair], np.int64), state)
    for row, logits in enumerate(alone):
        assert together[row, 0].argmax() == logits.argmax()
        assert np.abs(log_softmax(together[row, 0]) - log_softmax(logits))[logits > logits.max() - 5].max() < 0.7


def test_several_tokens_at_once_continue_a_hypothesis_as_one_by_one(model: MoonshineModel, speech: np.ndarray) -> None:
    states = model.encode(speech)
    tokens = [BEGIN, *search(model, states, len(speech), 1, lambda: False)[0].tokens[:20]]
    at_once = model.step(np.array([tokens], np.int64), model.begin(states))[0]
    state = model.begin(states)
    one_by_one = np.array([model.step(np.array([[token]], np.int64), state)[0, 0] for token in tokens])
    # Quantisation scales are shared by all that goes through at once, so the values are not the same to the bit.
    assert (at_once.argmax(axis=1) == one_by_one.argmax(axis=1)).mean() > 0.9


def test_a_state_that_was_cut_goes_on_as_if_the_rest_had_never_been(model: MoonshineModel, speech: np.ndarray) -> None:
    states = model.encode(speech)
    kept, wrong, right = [BEGIN, 300, 278], [900, 4000], 471
    cut, never = model.begin(states), model.begin(states)
    model.step(np.array([kept + wrong], np.int64), cut)
    cut.cut(len(kept))
    model.step(np.array([kept], np.int64), never)
    rows = [log_softmax(model.step(np.array([[right]], np.int64), state)[0, 0]) for state in (cut, never)]
    assert rows[0].argmax() == rows[1].argmax()
    assert np.abs(rows[0] - rows[1])[rows[0] > -5].max() < 0.7
