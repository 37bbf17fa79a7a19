"""One live stream, from where its audio comes from to what is shown of it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Protocol

from dragoman.core.ports import LiveStream
from dragoman.core.request import RecognitionRequest
from dragoman.server.cli.live_text import LiveText
from dragoman.server.cli.options import check_request

if TYPE_CHECKING:
    from dragoman.server.settings import Settings

INTERRUPTED = 130
TERMINATED = 143


class AudioSource(Protocol):
    """Where audio comes from: signed 16-bit little-endian samples of one channel, ``rate`` a second."""

    @property
    def rate(self) -> int: ...

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """Until the end, or until it is closed. Opens and closes what it needs."""
        ...


def recognise_live(
    source: AudioSource, request: RecognitionRequest, settings: Settings, text: LiveText, *, interrupted: int
) -> int:
    """Show what is said until the audio ends. The exit status.

    An interrupt ends the audio, what was said until then is still recognised, and the status is ``interrupted``; a
    second one ends everything. Raises ``DragomanError``, also that of the source, after the last words.
    """
    return asyncio.run(_recognise(source, request, settings, text, _Signals(interrupted)))


class _Signals:
    """What was asked for from outside, and the status to end with."""

    def __init__(self, interrupted: int) -> None:
        self._interrupted = interrupted
        self._task: asyncio.Task[object] | None = None
        self._audio: asyncio.Task[None] | None = None
        self.status = 0

    def watch(self) -> None:
        """Cancels the current task from now on."""
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):  # Windows has no such signals
            loop.add_signal_handler(signal.SIGINT, self._interrupt)
            loop.add_signal_handler(signal.SIGTERM, self._end, TERMINATED)

    def cancels_first(self, audio: asyncio.Task[None]) -> None:
        self._audio = audio

    def _interrupt(self) -> None:
        if self._audio is None:
            self._end(INTERRUPTED)
        else:
            self._audio.cancel()
            self._audio = None
            self.status = self._interrupted

    def _end(self, status: int) -> None:
        assert self._task is not None
        self.status = status
        self._task.cancel()


async def _recognise(
    source: AudioSource, request: RecognitionRequest, settings: Settings, text: LiveText, signals: _Signals
) -> int:
    from dragoman.server.recognisers import build_recognition

    signals.watch()
    try:
        async with contextlib.AsyncExitStack() as closing:
            recognition = build_recognition(settings)
            closing.push_async_callback(recognition.aclose)
            await recognition.start()
            check_request(request, recognition)
            stream = closing.enter_context(recognition.live(request, source.rate))
            closing.callback(text.close)
            audio = asyncio.create_task(_send(source, stream), name="audio")
            closing.push_async_callback(_cancel, audio)
            signals.cancels_first(audio)
            async with contextlib.aclosing(stream.events()) as events:
                async for event in events:
                    text.event(event)
            (outcome,) = await asyncio.gather(audio, return_exceptions=True)
            if isinstance(outcome, Exception):
                raise outcome
    except asyncio.CancelledError:
        if not signals.status:
            raise
    return signals.status


async def _send(source: AudioSource, stream: LiveStream) -> None:
    try:
        async with contextlib.aclosing(source.pieces()) as pieces:
            async for piece in pieces:
                await stream.send(piece)
    finally:
        stream.finish()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
