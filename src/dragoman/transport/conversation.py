"""The pump of live streams: audio one way and results the other, whatever carries them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import HTTPConnection

from dragoman.core.errors import Conflict, DragomanError, IncompleteUpload, Unavailable
from dragoman.core.events import SpeechEvent
from dragoman.core.ports import LiveStream
from dragoman.service.vocabulary import Vocabularies
from dragoman.transport.base import Audio, Finish, Frame, Prefer, Services, VendorStream
from dragoman.transport.silence import SilenceWatch

Hear = Callable[[], Awaitable[Frame]]
"""The client's next message. Raises ``Cancelled`` when the client has left."""
Tell = Callable[[Iterable[Frame]], Awaitable[None]]
"""Raises ``Cancelled`` when the client has left."""

_TAKE_OVER_S: Final = 1.0


class Conversation:
    """Moves audio one way and results the other until the recognition has ended."""

    def __init__(self, vendor: VendorStream, live: LiveStream, vocabularies: Vocabularies, silence_s: float) -> None:
        self._vendor = vendor
        self._live = live
        self._vocabularies = vocabularies
        self._silence_s = silence_s
        self._silence: SilenceWatch
        self._error: Exception | None = None
        self._is_listening = False
        """And has nothing else to do."""
        self.was_ended = False
        """By the client; else by the server, because it stops."""

    def end(self, error: Exception) -> None:
        """At once, with this error."""
        self._error = error
        self._live.close()

    async def run(self, hear: Hear, tell: Tell) -> None:
        """Raises ``Cancelled`` when the client leaves, and the ``DragomanError`` that ended the stream."""
        self._silence = SilenceWatch(self._silence_s, self._end_for_silence)
        try:
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen(hear), name="live stream: client")
                await self._tell(tell)
                listening.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self._silence.stop()
        if self._error is not None:
            raise self._error

    def take(self, frame: bytes) -> bool:
        """A message of the client, for a transport that need not wait for ``hear``; whether it was taken. Most are
        audio, so many that a turn of the event loop for each costs a good part of the server's time."""
        if not self._is_listening or not self._live.has_room:
            return False
        try:
            for command in self._vendor.receive(frame):
                match command:
                    case Audio(data):
                        self._silence.sound()
                        with suppress(DragomanError):
                            self._live.put(data)
                    case Finish():
                        self._finish()
                    case Prefer():
                        raise AssertionError("a vocabulary is a text")
        except Exception as error:  # there is nobody here to raise it to
            self.end(error)
        self._silence.listen()
        return True

    async def _listen(self, hear: Hear) -> None:
        """Until the client leaves: reads no further while the recogniser is too far behind."""
        try:
            while True:
                self._silence.listen()
                self._is_listening = True
                frame = await hear()
                self._is_listening = False
                for command in self._vendor.receive(frame):
                    match command:
                        case Audio(data):
                            self._silence.sound()
                            with suppress(
                                DragomanError
                            ):  # what ended the stream comes from its events, after the finals
                                await self._live.send(data)
                        case Prefer(draft):
                            self._silence.rest()
                            checked = await self._vocabularies.check(draft)
                            self._live.prefer(self._vendor.preferred(checked))
                        case Finish():
                            self._finish()
        finally:
            self._is_listening = False

    def _finish(self) -> None:
        self.was_ended = True
        self._live.finish()

    def _end_for_silence(self) -> None:
        if not self.was_ended:
            self._error = IncompleteUpload(f"No audio came for {self._silence_s:g} seconds; the stream was ended.")
            self._live.finish()

    async def _tell(self, tell: Tell) -> None:
        """Until the recognition ends. What happens while the client does not read is told together."""
        await tell(self._vendor.frames())
        is_told = True
        async with aclosing(self._live.events()) as events:
            while await self._hear(events):
                is_told = not self._live.has_events
                if is_told:
                    await tell(self._vendor.frames())
        if not is_told:
            await tell(self._vendor.frames())

    async def _hear(self, events: AsyncIterator[SpeechEvent]) -> bool:
        """The next event of the recogniser; whether there was one."""
        try:
            self._vendor.deliver(await anext(events))
        except StopAsyncIteration:
            return False
        except DragomanError as error:
            self._error = error  # to be told after what was recognised
            return False
        return True


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    end: Callable[[DragomanError], None]
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Sessions:
    """The open streams that clients gave a name to: of each name the newest."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    @contextmanager
    def hold(self, name: str, end: Callable[[DragomanError], None]) -> Iterator[None]:
        """The stream that had the name before is ended with ``Conflict``."""
        before, mine = self._held.get(name), _Held(end)
        self._held[name] = mine
        if before is not None:
            before.end(_conflict())
        try:
            yield
        finally:
            mine.gone.set()
            if self._held.get(name) is mine:
                del self._held[name]

    async def take_over(self, name: str) -> None:
        """End the stream that has the name, and wait shortly until it is gone."""
        before = self._held.get(name)
        if before is not None:
            before.end(_conflict())
            with suppress(TimeoutError):
                async with asyncio.timeout(_TAKE_OVER_S):
                    await before.gone.wait()


class Reception:
    """Where the live streams of a dialect begin, whatever carries them."""

    def __init__(
        self,
        services: Services,
        make: Callable[[HTTPConnection], Awaitable[VendorStream]],
        fail: Callable[[DragomanError], Iterable[Frame]],
        *,
        silence_s: float,
        sessions: Sessions | None = None,
    ) -> None:
        """``make`` raises what is wrong with the request, also that its client may not call; ``fail`` gives a vendor's
        last words; a stream whose client sends no audio for ``silence_s`` is ended. Receptions may share ``sessions``.
        """
        self._services = services
        self._silence_s = silence_s
        self._sessions = sessions or Sessions()
        self.make = make
        self.fail = fail

    @asynccontextmanager
    async def conversation(self, vendor: VendorStream) -> AsyncIterator[Conversation]:
        """An instance of the recogniser is held until the block ends. Raises what ``Recognition.live`` does."""
        asked = vendor.opening
        name = None if asked.session is None else f"{asked.key_id} {asked.session}"
        if name is not None:
            await self._sessions.take_over(name)
        with self._services.recognition.live(
            asked.request, asked.rate, key_id=asked.key_id, encoding=asked.encoding, channels=asked.channels
        ) as live:
            conversation = Conversation(vendor, live, self._services.vocabularies, self._silence_s)
            if name is None:
                yield conversation
            else:
                with self._sessions.hold(name, conversation.end):
                    yield conversation


def server_stops() -> Unavailable:
    """What a client is told that had not ended its stream."""
    return Unavailable("The server is stopping. Try again later.")


def _conflict() -> Conflict:
    return Conflict("A newer stream of the same session has begun; this one was ended.")
