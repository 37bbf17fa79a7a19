"""Writes an ONNX model, as bytes that onnxruntime loads: the few parts of the format that our graphs need.

The format is protocol buffers (github.com/onnx/onnx, ``onnx/onnx.proto``); the numbers are its field numbers. The
``onnx`` package would do the same for 60 MB more on disk.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

_IR_VERSION: Final = 9
_TENSOR_TYPES: Final = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9}
_MICROSOFT: Final = "com.microsoft"
_OPSETS: Final = {"": 18, _MICROSOFT: 1}

Attribute = int | float | Sequence[int]


class Kind(Protocol):
    @property
    def name(self) -> str: ...


class Tensor(Protocol):
    """What of a numpy array is written."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Kind: ...

    def tobytes(self) -> bytes: ...


class GraphBuilder:
    """Nodes, constants, inputs and outputs; then ``model()``. Values are referred to by name."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._count = 0

    def constant(self, name: str, array: Tensor) -> str:
        """A tensor that is part of the model. Returns ``name``."""
        dims = b"".join(_integer(1, size) for size in array.shape)
        kind = _TENSOR_TYPES[array.dtype.name]
        self._parts.append(_bytes(5, dims + _integer(2, kind) + _text(8, name) + _bytes(9, array.tobytes())))
        return name

    def input(self, name: str, kind: str, *shape: int | str) -> str:
        """A size given by a name is free. Returns ``name``."""
        self._parts.append(_bytes(11, _value(name, kind, shape)))
        return name

    def output(self, name: str, kind: str, *shape: int | str) -> None:
        self._parts.append(_bytes(12, _value(name, kind, shape)))

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: Sequence[str] | int = 1,
        *,
        contributed: bool = False,
        **attributes: Attribute,
    ) -> list[str]:
        """One operator; ``contributed``: one of onnxruntime's own. Returns its outputs, named if they were not."""
        if isinstance(outputs, int):
            outputs = [f"value_{self._count + at}" for at in range(outputs)]
            self._count += len(outputs)
        body = [_text(1, name) for name in inputs] + [_text(2, name) for name in outputs] + [_text(4, operator)]
        body += [_bytes(5, _attribute(name, value)) for name, value in attributes.items()]
        if contributed:
            body.append(_text(7, _MICROSOFT))
        self._parts.append(_bytes(1, b"".join(body)))
        return list(outputs)

    def model(self) -> bytes:
        # Joined once: the constants may be most of the process's memory.
        parts = [*self._parts, _text(2, "graph")]
        size = _varint(sum(map(len, parts)))
        return b"".join([_integer(1, _IR_VERSION), _opsets(_OPSETS), _varint(7 << 3 | 2), size, *parts])


def _opsets(versions: Mapping[str, int]) -> bytes:
    return b"".join(_bytes(8, _text(1, domain) + _integer(2, version)) for domain, version in versions.items())


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, float):
        return _text(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _integer(20, 1)
    if isinstance(value, int):
        return _text(1, name) + _integer(3, value) + _integer(20, 2)
    return _text(1, name) + b"".join(_integer(8, item) for item in value) + _integer(20, 7)


def _value(name: str, kind: str, shape: Sequence[int | str]) -> bytes:
    sizes = (_text(2, size) if isinstance(size, str) else _integer(1, size) for size in shape)
    dims = b"".join(_bytes(1, size) for size in sizes)
    return _text(1, name) + _bytes(2, _bytes(1, _integer(1, _TENSOR_TYPES[kind]) + _bytes(2, dims)))


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
