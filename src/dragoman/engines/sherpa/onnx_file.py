"""What an ONNX file says of itself, read without loading it.

sherpa-onnx ends the whole process where a file lacks metadata, so that is known before the library sees the file. The
format is protocol buffers (github.com/onnx/onnx, ``onnx/onnx.proto``); the numbers are its field numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

_GRAPH, _METADATA = 7, 14
_KEY, _VALUE = 1, 2
_OUTPUT: Final = 12
_SHAPE: Final = (2, 1, 2)
"""The way from an output to its sizes: type, tensor, shape."""
_SIZE: Final = 1


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """``last_sizes``: of each output the last size, ``None`` where it is free."""

    metadata: dict[str, str]
    last_sizes: tuple[int | None, ...]


def read_onnx(path: Path) -> OnnxFile:
    """Raises ``ValueError`` for a file that is cut off or no ONNX model at all, and ``OSError``."""
    metadata: dict[str, str] = {}
    sizes: list[int | None] = []
    has_graph = False
    with path.open("rb") as file:
        for field, _, length in _walk(file, path.stat().st_size):
            if field == _METADATA:
                entry = {inner: part.decode() for inner, _, part in fields(file.read(length))}
                metadata[entry.get(_KEY, "")] = entry.get(_VALUE, "")
            elif field == _GRAPH:
                has_graph = True
                outputs = (n for inner, _, n in _walk(file, file.tell() + length) if inner == _OUTPUT)
                sizes += [_last_size(file.read(n)) for n in outputs]
    if not has_graph:
        raise ValueError("it is no ONNX model")
    return OnnxFile(metadata, tuple(sizes))


def fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The fields of a message in order, each with its value if it is a whole number, and else its bytes. Raises
    ``ValueError``."""
    file = BytesIO(message)
    for field, value, length in _walk(file, len(message)):
        yield field, value, file.read(length)


def _last_size(output: bytes) -> int | None:
    for step in _SHAPE:
        output = next((part for field, _, part in fields(output) if field == step), b"")
    sizes = [part for _, _, part in fields(output)]
    return next((value for field, value, _ in fields(sizes[-1]) if field == _SIZE), None) if sizes else None


def _walk(file: BinaryIO, end: int) -> Iterator[tuple[int, int, int]]:
    """The fields up to ``end``: number, value if it is a whole number, and how many bytes follow, which may be read."""
    while file.tell() < end:
        tag = _varint(file)
        value = length = 0
        match tag & 7:
            case 0:
                value = _varint(file)
            case 1:
                length = 8
            case 2:
                length = _varint(file)
            case 5:
                length = 4
            case _:
                raise ValueError("it is no ONNX model")
        after = file.tell() + length
        if after > end:
            raise ValueError("it is cut off, or no ONNX model")
        yield tag >> 3, value, length
        file.seek(after)


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            break
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    raise ValueError("it is cut off, or no ONNX model")
