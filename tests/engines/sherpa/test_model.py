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
    [(WORDS, True, Unit.BPE), (WORDS, False, None), (ZH_WORDS, False, Unit.CJKCHAR), (ZH_WORDS, True, Unit.BOTH)],
)
def test_phrases_are_spelt_with_what_is_there(
    tmp_path: Path, words: tuple[str, ...], pieces: bool, unit: Unit | None
) -> None:
    save_transducer(tmp_path, words)
    shutil.copy(tiny_folder("transducer") / "bpe.vocab", tmp_path)
    if not pieces:
        (tmp_path / "bpe.vocab").unlink()
    assert describe(tmp_path, int8=True).unit == unit
