"""The audio of a live stream that may still be needed, for the case that the worker that has it dies. Pure."""

from __future__ import annotations

from typing import Final

SAMPLE_BYTES: Final = 2


class KeptAudio:
    """Signed 16-bit samples in the pieces they came in; positions are samples from the beginning of the stream."""

    __slots__ = ("_pieces", "end", "start")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.start = 0
        """What is before this was thrown away."""
        self.end = 0
        """How much came."""

    def append(self, pcm: bytes) -> None:
        """Whole samples."""
        self._pieces.append(pcm)
        self.end += len(pcm) // SAMPLE_BYTES

    def trim(self, settled: int) -> None:
        """Throw away the pieces that lie before ``settled``."""
        gone = 0
        while gone < len(self._pieces) and (end := self.start + len(self._pieces[gone]) // SAMPLE_BYTES) <= settled:
            self.start = end
            gone += 1
        del self._pieces[:gone]

    def since(self, settled: int) -> bytes:
        """All samples from ``settled`` on, which is not before ``start``."""
        return b"".join(self._pieces)[(settled - self.start) * SAMPLE_BYTES :]

    def clear(self) -> None:
        self._pieces.clear()
        self.start = self.end
