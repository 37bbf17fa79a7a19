from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dragoman.analysis.acoustic_model import BEGIN, END, INTERNAL, SILENCE, SINGLE, AcousticModel
from dragoman.analysis.features import features
from dragoman.core.errors import EngineNotReady
from dragoman.language.lexicon import english_model_folder
from dragoman.language.phonemes import PHONEMES
from recordings import speech

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def model() -> AcousticModel:
    model = AcousticModel()
    model.load()
    return model


def test_every_phone_has_three_states_in_every_context(model: AcousticModel) -> None:
    phones = [model.phone(name) for name in (*PHONEMES, SILENCE)]
    assert len(set(phones)) == 40
    for phone in phones:
        for left in phones[::3]:
            for right in phones[1::3]:
                for where in (INTERNAL, BEGIN, END, SINGLE):
                    senones = model.senones(phone, left, right, where)
                    assert len(set(senones)) == 3


def test_context_changes_the_states_of_a_phone(model: AcousticModel) -> None:
    phone, left, right = (model.phone(name) for name in ("AE", "K", "T"))
    assert model.senones(phone, left, right, INTERNAL) != model.senones(phone, right, left, INTERNAL)


def test_an_unknown_phone_is_a_key_error(model: AcousticModel) -> None:
    with pytest.raises(KeyError):
        model.phone("QQ")


def test_leaving_and_staying_are_the_only_ways(model: AcousticModel) -> None:
    assert np.allclose(np.exp(model.stay) + np.exp(model.leave), 1, atol=1e-3)


def test_likelihoods_are_those_of_the_mixtures(model: AcousticModel, sample: Callable[[str], Path]) -> None:
    """Against the textbook formula, from the files read another way."""
    streams = features(speech(sample("two_cities"), 16_000, 1))[:, 40:44]
    folder = english_model_folder() / "en-us"
    count = 42 * 3 * 128 * 13
    means, variances = (
        np.frombuffer((folder / name).read_bytes()[-4 * count - 4 :], "<f4", count).reshape(42, 3, 128, 13)
        for name in ("means", "variances")
    )
    weights = np.frombuffer((folder / "sendump").read_bytes()[-3 * 128 * 5126 :], "u1").reshape(3, 128, 5126)
    for name in ("SIL", "AA", "S", "T"):
        phone = model.phone(name)
        senones = np.array(model.senones(phone, model.phone("AH"), model.phone("N"), INTERNAL))
        found = model.log_likelihoods(streams, senones)
        assert found.shape == (3, 4)
        for row, senone in enumerate(senones):
            for frame in range(4):
                expected = 0.0
                for stream in range(3):
                    x = streams[stream, frame].astype(np.float64)
                    mean, variance = means[phone, stream].astype(float), np.maximum(variances[phone, stream], 1e-4)
                    log_density = -0.5 * ((x - mean) ** 2 / variance + np.log(2 * np.pi * variance)).sum(1)
                    log_weight = -1024 * np.log(1.0001) * weights[stream, :, senone].astype(float)
                    expected += np.logaddexp.reduce(log_density + log_weight)
                assert found[row, frame] == pytest.approx(expected, abs=0.01)


def test_weights_of_a_mixture_add_up_to_one(model: AcousticModel) -> None:
    total = model._weight_of_byte[model._weights].sum(2)
    assert np.quantile(total, [0.01, 0.99]) == pytest.approx(1, abs=0.1)


def test_a_missing_model_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match="acoustic model"):
        AcousticModel(tmp_path).load()


@pytest.mark.parametrize("name", ["mdef", "means", "variances", "transition_matrices", "sendump"])
@pytest.mark.parametrize("kept", [0, 10, 1000])
def test_a_damaged_model_says_what_is_wrong(tmp_path: Path, name: str, kept: int) -> None:
    for source in (english_model_folder() / "en-us").iterdir():
        shutil.copy(source, tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:kept])
    with pytest.raises(EngineNotReady, match="acoustic model"):
        AcousticModel(tmp_path).load()
