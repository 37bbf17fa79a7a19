"""Laws of a model's folder: what is missing or damaged is named before anything is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.engines.whisper.folder import language_token, languages_of

pytestmark = pytest.mark.unit

SPECIAL = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|de|>",
    "<|haw|>",
    "<|jw|>",
    "<|transcribe|>",
    "<|0.00|>",
]


def fill(folder: Path, size: int = 51_865, vocabulary: str = "vocabulary.json") -> Path:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (folder / name).write_bytes(b"")
    tokens = [*(f"t{at}" for at in range(size - len(SPECIAL))), *SPECIAL]
    (folder / vocabulary).write_text(json.dumps(tokens) if vocabulary.endswith("json") else "\n".join(tokens))
    return folder


@pytest.mark.parametrize("vocabulary", ["vocabulary.json", "vocabulary.txt"])
def test_languages_are_those_of_the_vocabulary_that_have_a_code(tmp_path: Path, vocabulary: str) -> None:
    found = languages_of(fill(tmp_path, vocabulary=vocabulary))
    assert found == ("en", "de", "jv")
    assert {language_token(language) for language in found} < set(SPECIAL)


def test_a_model_for_english_knows_english_whatever_its_vocabulary_names(tmp_path: Path) -> None:
    assert languages_of(fill(tmp_path, size=51_864)) == ("en",)


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json", "vocabulary.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (fill(tmp_path) / name).unlink()
    with pytest.raises(EngineNotReady, match=name):
        languages_of(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match="nowhere"):
        languages_of(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b'["a", "b', b"{}", b"[1]", b"\xff\xfe"])
def test_a_damaged_vocabulary_is_named(tmp_path: Path, content: bytes) -> None:
    (fill(tmp_path) / "vocabulary.json").write_bytes(content)
    with pytest.raises(EngineNotReady, match=r"vocabulary\.json"):
        languages_of(tmp_path)
