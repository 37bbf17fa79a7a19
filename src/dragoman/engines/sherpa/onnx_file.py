"""What an ONNX file says of itself, read without loading it.

sherpa-onnx ends the whole process where a file lacks metadata, so that is known before the library sees the file. The
format is protocol buffers (github.com/onnx/onnx, ``onnx/onnx.proto``); the numbers are its field numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

_GRAPH: Final = 7
_METADATA: Final = 14
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_ENTRY: Final = 2**24


def metadata(path: Path) -> dict[str, str]:
    """Raises ``ValueError`` for a file that is cut off or no ONNX model at all, and ``OSError``."""
    size = path.stat().st_size
    found: dict[str, str] = {}
    has_graph = False
    with path.open("rb") as file:
        while file.tell() < size:
            field, length = _header(file)
            if file.tell() + length > size:
                raise ValueError("it is cut off, or no ONNX model")
            if field == _METADATA and length < _LONGEST_ENTRY:
                entry = strings(file.read(length))
                found[entry.get(1, "")] = entry.get(2, "")
            else:
                has_graph = has_graph or field == _GRAPH
                file.seek(length, 1)
    if not has_graph:
        raise ValueError("it is no ONNX model")
    return found


def strings(message: bytes) -> dict[int, str]:
    """The texts of a message by their field, the last one of each. Raises ``ValueError``."""
    return {field: value.decode("utf-8") for field, value in fields(message) if isinstance(value, bytes)}


def fields(message: bytes) -> list[tuple[int, bytes | int]]:
    """The fields of a message in order; what is no text or message itself as a number. Raises ``ValueError``."""
    found: list[tuple[int, bytes | int]] = []
    at = 0
    while at < len(message):
        tag, at = _varint_in(message, at)
        kind = tag & 7
        if kind == _VARINT:
            number, at = _varint_in(message, at)
            found.append((tag >> 3, number))
            continue
        length = {_FIXED64: 8, _FIXED32: 4}.get(kind)
        if kind == _BYTES:
            length, at = _varint_in(message, at)
        if length is None or at + length > len(message):
            raise ValueError("it is damaged")
        part = message[at : at + length]
        found.append((tag >> 3, part if kind == _BYTES else int.from_bytes(part, "little")))
        at += length
    return found


def _header(file: BinaryIO) -> tuple[int, int]:
    """The number of the next field, and how many bytes it has from here on."""
    tag = _varint(file)
    kind = tag & 7
    if kind == _VARINT:
        _varint(file)
        return tag >> 3, 0
    length = {_FIXED64: 8, _FIXED32: 4}.get(kind)
    if kind == _BYTES:
        length = _varint(file)
    if length is None or tag >> 3 == 0:
        raise ValueError("it is no ONNX model")
    return tag >> 3, length


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


def _varint_in(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("it is damaged")
