"""Laws of the pieces that spell phrases: both files that carry them give the same."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.engines.sherpa.pieces import vocabulary_file

pytestmark = pytest.mark.unit

PIECES = {"<unk>": 0.0, "▁DELTA": -1.5, "Ü": -2.25}


def sentencepiece_model() -> bytes:
    """As sentencepiece writes them: a message for each piece, then what it was trained with."""

    def field(number: int, value: bytes) -> bytes:
        return bytes([number << 3 | 2, len(value)]) + value

    entries = (field(1, piece.encode()) + b"\x15" + struct.pack("<f", score) for piece, score in PIECES.items())
    return b"".join(field(1, entry) for entry in entries) + field(2, b"\x1a\x03abc")


def read(file: Path) -> dict[str, float]:
    with vocabulary_file(file) as path:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    return {piece: float(score) for piece, score in (line.split("\t") for line in lines)}


def test_the_pieces_of_a_model_are_written_as_a_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "bpe.model").write_bytes(sentencepiece_model())
    assert read(tmp_path / "bpe.model") == PIECES


def test_a_vocabulary_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "bpe.vocab").write_text("▁DELTA\t-1.5\n", encoding="utf-8")
    with vocabulary_file(tmp_path / "bpe.vocab") as path:
        assert path == str(tmp_path / "bpe.vocab")


@pytest.mark.parametrize("name", ["bpe.model", "bpe.vocab"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"piece\tmany\n", sentencepiece_model()[:-1]])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(EngineNotReady, match=name), vocabulary_file(tmp_path / name):
        pass
