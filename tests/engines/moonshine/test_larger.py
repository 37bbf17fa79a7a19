"""Models of other sizes: everything that is computed around their weights goes by what their files say."""

from __future__ import annotations

import logging
import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.core.request import Phrase, RecognitionRequest, Vocabulary
from dragoman.engines.moonshine.beam import log_softmax, search
from dragoman.engines.moonshine.decoder_graph import Shape, Weights
from dragoman.engines.moonshine.engine import MoonshineEngine
from dragoman.engines.moonshine.file_decoder import FileDecoder
from dragoman.engines.moonshine.model import DECODER, MoonshineModel, OwnDecoder, prepare
from dragoman.engines.moonshine.tokenizer import BEGIN
from tiny_moonshine import HEAD_SIZE, LAYERS, larger_folder, save_larger

pytestmark = pytest.mark.model

REQUEST = RecognitionRequest()


@pytest.fixture(scope="module")
def speech(sample: Callable[[str], Path]) -> np.ndarray:
    with wave.open(str(sample("beckett"))) as file:
        return (np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768).astype(np.float32)


@pytest.fixture(scope="module")
def embedded(folder: Path) -> MoonshineModel:
    model = MoonshineModel(folder)
    model.load()
    return model


def loaded(folder: Path | None) -> MoonshineEngine:
    engine = MoonshineEngine(folder=folder)
    engine.load()
    return engine


def test_sizes_are_those_of_the_file(folder: Path) -> None:
    assert Shape.of(Weights(folder / DECODER)) == Shape(6, 288, 8, 36, 32, 32_768)
    assert Shape.of(Weights(larger_folder() / DECODER)) == Shape(LAYERS, 288, 8, HEAD_SIZE, 32, 32_768)


def test_a_larger_decoder_that_computes_the_same_says_the_same(speech: np.ndarray) -> None:
    larger, plain = loaded(larger_folder()), loaded(None)
    for request in (REQUEST, RecognitionRequest(vocabulary=Vocabulary(phrases=(Phrase("fairly"),)))):
        ours, theirs = (engine.recognise(speech.data, request, lambda: False) for engine in (larger, plain))
        assert ours.text == theirs.text
        assert ours.confidence == pytest.approx(theirs.confidence, abs=0.05)


def test_a_decoder_that_computes_something_else_is_run_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        engine = loaded(save_larger(tmp_path / "else", epsilon=0.01))
    assert "computes something else" in caplog.text
    assert not engine.network.batches


def test_a_decoder_whose_weights_are_elsewhere_is_run_as_it_is(
    speech: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        engine = loaded(save_larger(tmp_path / "elsewhere", found=False))
    assert "run as it is" in caplog.text
    assert not engine.network.batches
    assert (
        engine.recognise(speech.data, REQUEST, lambda: False).text
        == loaded(None).recognise(speech.data, REQUEST, lambda: False).text
    )


def test_the_file_s_own_graph_computes_what_ours_does(
    embedded: MoonshineModel, folder: Path, speech: np.ndarray
) -> None:
    """With several hypotheses, several tokens at once, and a state that was cut."""
    states = embedded.encode(prepare(speech[:80_000]))
    tokens = [BEGIN, *search(embedded, states, 80_000, 1, lambda: False)[0].tokens[:5]]
    rows = []
    for decoder in (FileDecoder(folder / DECODER), OwnDecoder(folder / DECODER)):
        state = decoder.begin(states)
        decoder.step(np.array([[*tokens[:3], 900]], np.int64), state)
        state.cut(3)
        state.select(np.array([0, 0]))
        decoder.step(np.array([[tokens[3]], [471]], np.int64), state)
        rows.append(log_softmax(decoder.step(np.array([[tokens[4]], [300]], np.int64), state)[:, -1]))
    theirs, ours = rows
    assert (theirs.argmax(axis=1) == ours.argmax(axis=1)).all()
    assert np.abs(theirs - ours)[theirs > -5].max() < 0.7


@pytest.mark.parametrize("broken", ["encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin"])
def test_a_file_that_is_cut_off_is_an_error_that_names_the_folder(tmp_path: Path, broken: str) -> None:
    folder = shutil.copytree(larger_folder(), tmp_path / "model")
    data = (folder / broken).read_bytes()
    (folder / broken).write_bytes(data[: len(data) // 2])
    with pytest.raises(EngineNotReady, match=str(folder)):
        loaded(folder)


@pytest.mark.parametrize(
    ("file", "said"),
    [("decoder_model_merged.ort", "takes .* where input_ids"), ("encoder_model.ort", "takes .* where input_values")],
)
def test_a_file_in_the_place_of_another_is_named(tmp_path: Path, file: str, said: str) -> None:
    folder = shutil.copytree(larger_folder(), tmp_path / "model")
    other = "encoder_model.ort" if file.startswith("decoder") else "decoder_model_merged.ort"
    shutil.copy(larger_folder() / other, folder / file)
    with pytest.raises(EngineNotReady, match=f"{file} {said}"):
        loaded(folder)


def test_a_vocabulary_that_is_too_large_belongs_to_another_model(tmp_path: Path) -> None:
    folder = shutil.copytree(larger_folder(), tmp_path / "model")
    with (folder / "tokenizer.bin").open("ab") as file:
        file.write(b"\x01x")
    with pytest.raises(EngineNotReady, match="32769 pieces"):
        loaded(folder)


@pytest.mark.parametrize(
    ("present", "said"),
    [
        (["encoder_model.ort", "tokenizer.bin"], "decoder_model_merged.ort"),
        (["streaming_config.json", "frontend.model.ort", "encoder.ort"], "adapter.ort.*frontend.weights.ort"),
        ([], "encoder_model.ort"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, present: list[str], said: str) -> None:
    for name in present:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(EngineNotReady, match=f"not complete, put there: .*{said}"):
        loaded(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match="nowhere"):
        loaded(tmp_path / "nowhere")
