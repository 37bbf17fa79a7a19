"""Phonexia's live streams over HTTP: what lives between the requests of a stream, and for a while after its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Callable
from contextlib import ExitStack, aclosing
from typing import Final

from dragoman.apis.phonexia_v1 import wire
from dragoman.apis.phonexia_v1.stream_result import StreamResult
from dragoman.core.errors import Cancelled, DragomanError, InternalError, InvalidRequest, NotFound
from dragoman.core.ports import LiveStream
from dragoman.transport.silence import SilenceWatch

logger = logging.getLogger(__name__)

MAX_KEPT: Final = 1000
"""Streams that have ended; of more the oldest is forgotten."""


class HttpStream:
    """One stream, run by a task of its own until it is stopped or no audio comes for ``silence_s``."""

    def __init__(
        self, key_id: str, live: LiveStream, resources: ExitStack, result: StreamResult, *, silence_s: float
    ) -> None:
        """``resources`` are what ``live`` needs; they are closed at its end."""
        self.key_id = key_id
        self._live = live
        self._result = result
        self._silence_s = silence_s
        self._is_fed = False
        self._is_listening = False
        """The feeding waits for a piece."""
        self._half = b""
        """Of a sample."""
        self._error: DragomanError | None = None
        self._reason = "The stream has ended; open another one."
        self._silence = SilenceWatch(silence_s, self._end_for_silence)
        self.running = asyncio.create_task(self._run(resources), name=f"live stream {result.stream_id}")

    def said(self) -> wire.StreamRecognition:
        """What was recognised so far. Raises the ``DragomanError`` that ended the stream too early."""
        if self._error is not None:
            raise self._error
        return self._result.said()

    async def feed(self, pieces: AsyncIterable[bytes], divert: Callable[[Callable[[bytes], bool]], None]) -> None:
        """Half a sample at the end of them is left out. ``divert`` is told what may take pieces before they are
        among the others.

        Raises ``InvalidRequest`` when the stream has ended or ends meanwhile, or somebody else is feeding it.
        """
        if self.running.done():
            raise self._over()
        if self._is_fed:
            raise InvalidRequest("Another request is sending audio to this stream; only one at a time can.")
        self._is_fed = True
        divert(self._take)
        feeding = asyncio.create_task(self._feed(pieces), name="feeding of a live stream")
        try:
            await asyncio.wait({feeding, self.running}, return_when=asyncio.FIRST_COMPLETED)
            if not feeding.done():
                raise self._over()
            feeding.result()
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            self._is_fed = False

    async def stop(self) -> None:
        """What was sent is recognised to its end. May be called twice."""
        if not self.running.done():
            self._live.finish()
            await asyncio.wait({self.running})

    async def _feed(self, pieces: AsyncIterable[bytes]) -> None:
        self._half = b""
        self._is_listening = True
        try:
            async for piece in pieces:
                self._is_listening = False
                audio, self._half = _whole(self._half + piece)
                self._silence.sound()
                try:
                    await self._live.send(audio)
                except Cancelled:  # it has just ended
                    raise self._over() from None
                finally:
                    self._silence.listen()
                self._is_listening = True
        finally:
            self._is_listening = False

    def _take(self, piece: bytes) -> bool:
        """A piece for which the feeding need not be woken; whether it was taken."""
        if not self._is_listening or not self._live.has_room:
            return False
        audio, half = _whole(self._half + piece)
        try:
            self._live.put(audio)
        except DragomanError:
            return False
        self._half = half
        self._silence.sound()
        self._silence.listen()
        return True

    def _end_for_silence(self) -> None:
        self._reason = f"No audio came for {self._silence_s:g} seconds, so the stream has ended; open another one."
        self._live.finish()

    async def _run(self, resources: ExitStack) -> None:
        try:
            with resources:
                async with aclosing(self._live.events()) as events:
                    async for event in events:
                        self._result.deliver(event)
        except DragomanError as error:
            self._error = error
        except Exception:
            logger.exception("a live stream failed unexpectedly")
            self._error = InternalError()
        finally:
            self._silence.stop()

    def _over(self) -> DragomanError:
        return self._error or InvalidRequest(self._reason)


def _whole(audio: bytes) -> tuple[bytes, bytes]:
    """Whole samples, and what is left."""
    size = len(audio) & ~1
    return audio[:size], audio[size:]


class HttpStreams:
    """All of them by id; those that have ended for ``kept_s`` more."""

    def __init__(self, *, kept_s: float, silence_s: float, max_kept: int = MAX_KEPT) -> None:
        self._kept_s = kept_s
        self._silence_s = silence_s
        self._max_kept = max_kept
        self._streams: dict[str, HttpStream] = {}
        self._ended: dict[str, asyncio.TimerHandle] = {}

    def open(self, key_id: str, live: LiveStream, resources: ExitStack, result: StreamResult) -> None:
        stream = HttpStream(key_id, live, resources, result, silence_s=self._silence_s)
        self._streams[result.stream_id] = stream
        stream.running.add_done_callback(lambda _: self._keep(result.stream_id))

    def find(self, stream_id: str, key_id: str) -> HttpStream:
        """Raises ``NotFound``, also for the stream of another key."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.key_id != key_id:
            raise NotFound(f"There is no stream {stream_id!r}; results are kept for {self._kept_s:g} seconds.")
        return stream

    async def aclose(self) -> None:
        """Drop them as they are."""
        running = [stream.running for stream in self._streams.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for timer in self._ended.values():
            timer.cancel()
        self._streams.clear()
        self._ended.clear()

    def _keep(self, stream_id: str) -> None:
        self._ended[stream_id] = asyncio.get_running_loop().call_later(self._kept_s, self._forget, stream_id)
        if len(self._ended) > self._max_kept:
            self._forget(next(iter(self._ended)))

    def _forget(self, stream_id: str) -> None:
        self._ended.pop(stream_id).cancel()
        del self._streams[stream_id]
