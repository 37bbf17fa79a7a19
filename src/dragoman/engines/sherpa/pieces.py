"""The pieces of which a byte-pair model builds words, as sherpa-onnx reads them to spell a phrase."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from dragoman.core.errors import EngineNotReady
from dragoman.engines.sherpa.onnx_file import fields

_PIECE, _TEXT, _SCORE = 1, 1, 2
"""Fields of sentencepiece's ``sentencepiece_model.proto``."""
_VOCABULARY: Final = ".vocab"


@contextmanager
def vocabulary_file(file: Path | None) -> Iterator[str]:
    """The path of a file with a piece and its score a line, while it is read: ``bpe.vocab`` itself, or what is in
    ``bpe.model``. Raises ``EngineNotReady``.
    """
    if file is None:
        yield ""
        return
    try:
        if file.suffix == _VOCABULARY:
            _check(file.read_text(encoding="utf-8"))
            yield str(file)
            return
        pieces = "".join(f"{piece}\t{score}\n" for piece, score in _read_model(file.read_bytes()))
        _check(pieces)
    except (OSError, ValueError, struct.error) as error:
        raise EngineNotReady(f"{file} cannot be read, put the model there again: {error}") from error
    with TemporaryDirectory(prefix="dragoman-") as folder:
        written = Path(folder, "bpe.vocab")
        written.write_text(pieces, encoding="utf-8")
        yield str(written)


def _check(text: str) -> None:
    lines = text.removesuffix("\n").split("\n")
    for line in lines:
        piece, _, score = line.rpartition("\t")
        float(score)
        if not piece:
            raise ValueError("a piece is empty")


def _read_model(message: bytes) -> Iterator[tuple[str, float]]:
    for field, _, piece in fields(message):
        if field == _PIECE:
            parts = {inner: part for inner, _, part in fields(piece)}
            yield parts.get(_TEXT, b"").decode(), struct.unpack("<f", parts.get(_SCORE, bytes(4)))[0]
