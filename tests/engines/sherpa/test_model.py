"""Laws of a model's folder: its kind is found out; what is missing or of no use is named before anything is loaded."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.engines.sherpa.model import Kind, Unit, describe
from tiny_sherpa import KINDS, WORDS, ZH_WORDS, save_transducer, tiny_folder

pytestmark = pytest.mark.unit

BYTE_WORDS = tuple("ƁƂƃƄƅƆƇƈƉ")
"""Letters that stand for bytes."""
FILES = [(kind, file.name) for kind in KINDS for file in sorted(tiny_folder(kind).iterdir()) if file.suffix != ".vocab"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_is_found_in_the_files(kind: str) -> None:
    model = describe(tiny_folder(kind), int8=True)
    assert model.kind == kind
    assert model.is_streaming == (kind == "streaming_transducer")
    assert model.is_transducer == kind.endswith("transducer")


def test_every_kind_has_a_model_that_is_made_on_the_spot() -> None:
    assert set(KINDS) == set(Kind)


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_a_missing_file_is_named(tmp_path: Path, kind: str, name: str) -> None:
    folder = shutil.copytree(tiny_folder(kind), tmp_path / "part")
    (folder / name).unlink()
    part = re.search("encoder|decoder|joiner|model|tokens", name)
    assert part is not None
    with pytest.raises(EngineNotReady, match=rf"part is not complete.*{part[0]}"):
        describe(folder, int8=True)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match="nowhere"):
        describe(tmp_path / "nowhere", int8=True)


def test_languages_are_those_of_the_files_that_have_a_code() -> None:
    assert describe(tiny_folder("whisper"), int8=True).languages == ("en", "zh", "de", "jv")
    assert describe(tiny_folder("sense_voice"), int8=True).languages == ("en", "zh", "ja", "ko")
    assert describe(tiny_folder("transducer"), int8=True).languages == ()


@pytest.mark.parametrize("int8", [True, False])
def test_of_two_forms_of_a_file_the_one_that_is_wished_is_taken(tmp_path: Path, int8: bool) -> None:
    folder = shutil.copytree(tiny_folder("transducer"), tmp_path / "both")
    shutil.copy(folder / "encoder-epoch-1-avg-1.onnx", folder / "encoder-epoch-1-avg-1.int8.onnx")
    found = describe(folder, int8=int8).files
    assert (".int8." in found["encoder"].name) == int8
    assert found["joiner"].name == "joiner-epoch-1-avg-1.onnx"


def test_of_two_models_in_one_folder_none_is_guessed(tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_folder("transducer"), tmp_path / "both")
    shutil.copy(folder / "encoder-epoch-1-avg-1.onnx", folder / "encoder-epoch-2-avg-1.onnx")
    with pytest.raises(EngineNotReady, match=r"encoder-epoch-1.* and encoder-epoch-2"):
        describe(folder, int8=False)


@pytest.mark.parametrize(
    ("words", "pieces", "unit"),
    [
        (WORDS, True, Unit.BPE),
        (WORDS, False, None),
        (ZH_WORDS, False, Unit.CJKCHAR),
        (ZH_WORDS, True, Unit.BOTH),
        (BYTE_WORDS, True, None),
    ],
)
def test_phrases_are_spelt_with_what_is_there(
    tmp_path: Path, words: tuple[str, ...], pieces: bool, unit: Unit | None
) -> None:
    save_transducer(tmp_path, words, words[-1] * 2, pieces=pieces)
    assert describe(tmp_path, int8=True).unit == unit


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("whisper", {"tiny-encoder.int8.onnx": "large-v3.5-encoder.onnx", "tiny-tokens.txt": "tiny.en-tokens.txt"}),
        ("transducer", {"encoder-epoch-1-avg-1.onnx": "encoder-epoch-99-avg-1-chunk-16-left-128.int8.onnx"}),
        ("sense_voice", {"model.int8.onnx": "model.onnx"}),
    ],
)
def test_files_are_known_by_any_name_that_they_are_published_with(
    tmp_path: Path, kind: str, names: dict[str, str]
) -> None:
    folder = shutil.copytree(tiny_folder(kind), tmp_path / "model")
    for name, other in names.items():
        (folder / name).rename(folder / other)
    assert describe(folder, int8=True).kind == kind


def test_letters_are_those_of_the_language_and_not_of_special_tokens(tmp_path: Path) -> None:
    letters = describe(tiny_folder("transducer"), int8=True).letters
    assert letters >= set("DONAU")
    assert not letters & set("<blksoeun>")
