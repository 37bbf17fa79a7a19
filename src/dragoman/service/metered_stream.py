"""A live stream as the recognition hands it out: its quota counted, and ended in good order when the server stops."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from dragoman.core.errors import DragomanError, QuotaExceeded
from dragoman.core.events import Finished, SpeechEvent
from dragoman.core.ports import LiveStream
from dragoman.core.request import Vocabulary
from dragoman.service.limits import Reservation


class MeteredStream:
    """A ``LiveStream`` around another.

    When the quota is used up, what was sent before is still recognised; then ``events`` raises ``QuotaExceeded`` in
    place of ``Finished``. What was sent counts, or, where only a decoder knows how long that is (``bytes_per_s`` is
    ``None``), what was dealt with.
    """

    def __init__(self, stream: LiveStream, bytes_per_s: int | None, reservation: Reservation) -> None:
        self._stream = stream
        self._bytes_per_s = bytes_per_s
        self._reservation = reservation
        self._sent = 0
        """Bytes."""
        self._error: DragomanError | None = None
        self._drained = False

    @property
    def taken_ms(self) -> int:
        return self._stream.taken_ms

    def prefer(self, vocabulary: Vocabulary) -> None:
        self._stream.prefer(vocabulary)

    @property
    def has_room(self) -> bool:
        return self._stream.has_room

    def put(self, audio: bytes) -> None:
        """What comes after the server began to stop is not recognised any more, and nobody is told until the end."""
        if self._is_wanted(audio):
            self._stream.put(audio)

    async def send(self, audio: bytes) -> None:
        if self._is_wanted(audio):
            await self._stream.send(audio)

    def _is_wanted(self, audio: bytes) -> bool:
        """Counts it. Raises ``QuotaExceeded``."""
        if self._drained:
            return False
        self._sent += len(audio)
        self._charge()
        if self._error is not None:
            raise self._error
        return True

    def finish(self) -> None:
        self._stream.finish()

    def drain(self) -> None:
        """End the stream as if its client had ended it."""
        self._drained = True
        self._stream.finish()

    @property
    def has_events(self) -> bool:
        return self._stream.has_events

    async def events(self) -> AsyncGenerator[SpeechEvent, None]:
        async with aclosing(self._stream.events()) as events:
            async for event in events:
                if self._bytes_per_s is None:
                    self._charge()
                if isinstance(event, Finished) and self._error is not None:
                    raise self._error
                yield event

    def _charge(self) -> None:
        if self._error is not None or not self._reservation.is_limited:
            return  # most often; this is asked for every piece of audio
        used_ms = self._sent * 1000 // self._bytes_per_s if self._bytes_per_s is not None else self._stream.taken_ms
        try:
            self._reservation.grow(used_ms)
        except QuotaExceeded as error:
            self._error = error
            self._stream.finish()

    def close(self) -> None:
        self._stream.close()
