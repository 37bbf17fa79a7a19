"""Laws of tagging with sherpa-onnx, over models that are made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.engines.sherpa.tagger import SherpaTagger
from tiny_sounds import LABELS, MUSIC_HZ, save_tiny_identifier, save_tiny_tagger, tone

pytestmark = pytest.mark.unit

CSV = "class_labels_indices.csv"


def test_speech_and_what_is_no_event_are_not_told(tmp_path: Path) -> None:
    tags = SherpaTagger(save_tiny_tagger(tmp_path)).tag(tone(MUSIC_HZ, 2).data)
    assert {tag.label for tag in tags} == {"Music", "Applause"}
    assert len(LABELS) > len(tags)


def test_of_two_files_the_smaller_one_is_taken(tmp_path: Path) -> None:
    folder = save_tiny_tagger(tmp_path)
    (folder / "model.onnx").rename(folder / "model.int8.onnx")
    (folder / "model.onnx").write_bytes(b"no model at all")
    assert SherpaTagger(folder).tag(tone(MUSIC_HZ, 2).data)


def _written(name: str, text: str | bytes) -> Callable[[Path], None]:
    return lambda folder: _write(folder / name, text)


def _write(file: Path, text: str | bytes) -> None:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())


def _labels(*lines: str) -> Callable[[Path], None]:
    return _written(CSV, "\n".join(["index,mid,display_name", *lines, ""]))


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no model": (lambda folder: (folder / "model.onnx").unlink(), "model.onnx"),
    "no labels": (lambda folder: (folder / CSV).unlink(), CSV),
    "empty model": (_written("model.onnx", b""), "model.onnx"),
    "text for a model": (_written("model.onnx", "<html>not found</html>"), "model.onnx"),
    "empty labels": (_written(CSV, ""), "no labels"),
    "labels without quotes": (_labels("0,/m/0,Speech"), "line 2"),
    "labels out of order": (_labels('1,/m/0,"Speech"'), "line 2"),
    "labels of two columns": (_labels('0,"Speech"'), CSV),
    "labels with other ends of lines": (
        _written(CSV, "".join(f'{number},/m/{number},"{label}"\r\n' for number, label in enumerate(("x", *LABELS)))),
        "line 2",
    ),
    "labels that are no text": (_written(CSV, b'index,mid,display_name\n0,/m/0,"\xff"'), CSV),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_a_folder_is_said_before_the_model_is_read(tmp_path: Path, fault: str) -> None:
    spoil, message = FAULTS[fault]
    folder = save_tiny_tagger(tmp_path)
    spoil(folder)
    with pytest.raises(EngineNotReady, match=message):
        SherpaTagger(folder).check()


def test_a_model_that_is_cut_off_or_of_another_kind_or_has_other_labels_is_said(tmp_path: Path) -> None:
    folder = save_tiny_tagger(tmp_path / "whole")
    model = (folder / "model.onnx").read_bytes()
    _write(folder / "model.onnx", model[:-20])
    with pytest.raises(EngineNotReady, match=r"model\.onnx"):
        SherpaTagger(folder).load()
    _write(folder / "model.onnx", model)
    _labels(*(f'{number},/m/{number},"Rain {number}"' for number in range(len(LABELS) + 1)))(folder)
    with pytest.raises(EngineNotReady, match="labels"):
        SherpaTagger(folder).load()
    whisper = save_tiny_identifier(tmp_path / "whisper")
    save_tiny_tagger(whisper)
    (whisper / "tiny-decoder.onnx").replace(whisper / "model.onnx")
    with pytest.raises(EngineNotReady, match="tagging"):
        SherpaTagger(whisper).load()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match="nowhere"):
        SherpaTagger(tmp_path / "nowhere").check()


def test_a_model_that_wants_other_features_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    folder = save_tiny_tagger(tmp_path, bands=40)
    with pytest.raises(EngineNotReady, match=str(folder)):
        SherpaTagger(folder).tag(tone(MUSIC_HZ, 2).data)
