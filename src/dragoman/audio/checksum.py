"""Cyclic redundancy checks that the standard library does not have: Ogg's and FLAC's."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_BLOCK: Final = 256


class Checksum:
    """A check of 8, 16 or 32 bits over bits in their natural order, begun with 0 and left as it is at the end.

    It is linear: the check of a block is the sum, without carry, of what each byte adds at its place.
    """

    def __init__(self, bits: int, polynomial: int) -> None:
        self._bytes = bits // 8
        self._tables = _tables(bits, polynomial)

    def update(self, state: int, data: bytes | bytearray | memoryview) -> int:
        """``state`` is what came out for the bytes before these."""
        octets = np.frombuffer(data, np.uint8)
        for start in range(0, len(octets), _BLOCK):
            block = octets[start : start + _BLOCK]
            size = len(block)
            carried = np.zeros(max(size, self._bytes), np.uint8)
            carried[: self._bytes] = np.frombuffer(state.to_bytes(self._bytes, "big"), np.uint8)
            carried[:size] ^= block
            added = int(np.bitwise_xor.reduce(self._tables[_BLOCK - size :][np.arange(size), carried[:size]]))
            # Of a short block, what was carried beyond it only moves up.
            state = added ^ int.from_bytes(carried[size:].tobytes(), "big") << 8 * size
        return state


@cache
def _tables(bits: int, polynomial: int) -> npt.NDArray[Any]:
    """What a byte adds that has 255, 254, … 0 bytes behind it, shape [256, 256]."""
    kind = np.dtype(f"u{bits // 8}").type
    alone = np.arange(256, dtype=kind) << kind(bits - 8)
    for _ in range(8):
        alone = np.where(alone >> kind(bits - 1), (alone << kind(1)) ^ kind(polynomial), alone << kind(1))
    rows = [alone]
    for _ in range(_BLOCK - 1):
        rows.append(alone[rows[-1] >> kind(bits - 8)] ^ (rows[-1] << kind(8)))
    return np.array(rows[::-1], kind)


OGG_PAGE: Final = Checksum(32, 0x04C11DB7)
FLAC_FRAME: Final = Checksum(16, 0x8005)
FLAC_HEADER: Final = Checksum(8, 0x07)
