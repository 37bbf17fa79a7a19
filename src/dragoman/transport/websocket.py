"""The pump between a WebSocket and the recogniser: one for every dialect that streams over WebSockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing, suppress
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from dragoman.core.errors import Cancelled, DragomanError, IncompleteUpload, InternalError, Unavailable
from dragoman.core.ports import LiveStream
from dragoman.service.vocabulary import Vocabularies
from dragoman.transport.base import Audio, Finish, Frame, Prefer, Services, VendorStream, answer
from dragoman.transport.http import as_error, identify
from dragoman.transport.silence import SilenceWatch

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
CLOSE_CODES: Final[dict[type[DragomanError], int]] = {
    DragomanError: 1008,
    InternalError: 1011,
    Unavailable: 1013,
}
"""How a connection is closed after an error: a violated policy is what RFC 6455 has for all that the client did wrong;
1011 and 1013 say that it did not, and that it may try again."""


class Socket:
    """A WebSocket route's end: a live stream for every connection.

    The connection is always accepted, so that what is wrong can be said in the vendor's own messages.
    """

    def __init__(
        self,
        services: Services,
        make: Callable[[HTTPConnection], VendorStream],
        fail: Callable[[DragomanError], Iterable[Frame]],
        *,
        silence_s: float,
    ) -> None:
        """``make`` raises what is wrong with the request; ``fail`` gives a vendor's last words; a stream whose client
        sends no audio for ``silence_s`` is ended."""
        self._services = services
        self._make = make
        self._fail = fail
        self._silence_s = silence_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # the wish to connect
        await send({"type": "websocket.accept"})
        try:
            await self._converse(HTTPConnection(scope), receive, send)
        except Cancelled:
            raise
        except (Exception, asyncio.CancelledError) as raised:
            error = as_error(raised, scope)
            await _send_frames(send, self._fail(error))
            await _close(send, answer(CLOSE_CODES, error), error.code)

    async def _converse(self, connection: HTTPConnection, receive: Receive, send: Send) -> None:
        identity = identify(connection, self._services.authenticator)
        await self._services.started()
        vendor = self._make(connection)
        asked = vendor.opening
        with self._services.recognition.live(asked.request, asked.rate, key_id=identity.key_id) as live:
            conversation = Conversation(vendor, live, self._services.vocabularies, self._silence_s)
            await conversation.run(receive, send)
            # Still with the instance held: a server that stops waits for it, and then cuts connections off.
            await _close(send, NORMAL if conversation.was_ended else GOING_AWAY)


class Conversation:
    """Moves audio one way and results the other until the recognition has ended."""

    def __init__(self, vendor: VendorStream, live: LiveStream, vocabularies: Vocabularies, silence_s: float) -> None:
        self._vendor = vendor
        self._live = live
        self._vocabularies = vocabularies
        self._silence_s = silence_s
        self._error: DragomanError | None = None
        self._news = asyncio.Event()
        self._is_over = False
        self.was_ended = False
        """By the client; else by the server, because it stops."""

    async def run(self, receive: Receive, send: Send) -> None:
        """Raises ``Cancelled`` when the client leaves, and the ``DragomanError`` that ended the stream."""
        silence = SilenceWatch(self._silence_s, self._end_for_silence)
        try:
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen(receive, silence), name="live stream: client")
                tasks.create_task(self._hear(), name="live stream: recogniser")
                await self._tell(send)
                listening.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            silence.stop()
        if self._error is not None:
            raise self._error

    async def _listen(self, receive: Receive, silence: SilenceWatch) -> None:
        """Until the client leaves: reads no further while the recogniser is too far behind."""
        while True:
            silence.listen()
            frame = _frame(await receive())
            for command in self._vendor.receive(frame):
                match command:
                    case Audio(data):
                        silence.sound()
                        with suppress(DragomanError):  # what ended the stream comes from its events, after the finals
                            await self._live.send(data)
                    case Prefer(draft):
                        silence.rest()
                        checked = await self._vocabularies.check(draft)
                        self._live.prefer(self._vendor.preferred(checked))
                    case Finish():
                        self.was_ended = True
                        self._live.finish()

    def _end_for_silence(self) -> None:
        if not self.was_ended:
            self._error = IncompleteUpload(f"No audio came for {self._silence_s:g} seconds; the stream was ended.")
            self._live.finish()

    async def _hear(self) -> None:
        try:
            async with aclosing(self._live.events()) as events:
                async for event in events:
                    self._vendor.deliver(event)
                    self._news.set()
        except DragomanError as error:
            self._error = error  # to be told after what was recognised
        self._is_over = True
        self._news.set()

    async def _tell(self, send: Send) -> None:
        while True:
            await _send_frames(send, self._vendor.frames())
            if self._is_over and not self._news.is_set():
                return
            await self._news.wait()
            self._news.clear()


def _frame(message: Message) -> Frame:
    """Raises ``Cancelled`` when the client has left."""
    if message["type"] == "websocket.disconnect":
        raise Cancelled("The client has left.")
    text: str | None = message.get("text")
    data: bytes = message.get("bytes") or b""
    return data if text is None else text


async def _send_frames(send: Send, frames: Iterable[Frame]) -> None:
    for frame in frames:
        await send({"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame})


async def _close(send: Send, code: int, reason: str = "") -> None:
    await send({"type": "websocket.close", "code": code, "reason": reason})
