"""The audio of a live stream that may still be needed, for the case that the worker that has it dies. Pure."""

from __future__ import annotations

from dragoman.audio.place import Place


class KeptAudio:
    """Bytes in the pieces they came in, and those at the very beginning without which the others mean nothing."""

    __slots__ = ("_head", "_pieces", "end", "start")

    def __init__(self) -> None:
        self._head = b""
        self._pieces: list[bytes] = []
        self.start = 0
        """What is before this was thrown away, but for the head."""
        self.end = 0
        """How much came."""

    def append(self, data: bytes) -> None:
        self._pieces.append(data)
        self.end += len(data)

    def trim(self, place: Place) -> None:
        """Throw away the pieces that are not needed from there on."""
        if len(self._head) < place.head:
            self._head = self._from(0)[: place.head]
        gone = 0
        while gone < len(self._pieces) and (end := self.start + len(self._pieces[gone])) <= place.offset:
            self.start = end
            gone += 1
        del self._pieces[:gone]

    def since(self, place: Place) -> bytes:
        """The head, and everything from a place on that is not before the one it was trimmed to."""
        return self._head[: place.head] + self._from(place.offset)

    def clear(self) -> None:
        self._pieces.clear()
        self._head = b""
        self.start = self.end

    def _from(self, offset: int) -> bytes:
        return b"".join(self._pieces)[offset - self.start :]
