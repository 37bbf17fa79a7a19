"""A recogniser pool that does what a test tells it, and servers around it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import httpx

from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import DragomanError, InvalidRequest, UnknownModel
from dragoman.core.events import (
    Final,
    Finished,
    Opened,
    Partial,
    Progress,
    RecognitionEvent,
    SpeakersFound,
    SpeechEnded,
    SpeechEvent,
    SpeechStarted,
)
from dragoman.core.request import AudioEncoding, RecognitionRequest, Vocabulary
from dragoman.core.transcript import Character, Segment, Transcript, Word
from dragoman.server.app import Application, build_app
from dragoman.server.protocol import HttpProtocol, WebSocketProtocol
from dragoman.server.serve import Server
from dragoman.server.settings import Settings
from dragoman.service.limits import Admission, Quota
from dragoman.service.recognition import Recognition

Step = RecognitionEvent | BaseException | asyncio.Event
"""What a script does next: an event is reported, an exception raised, an ``asyncio.Event`` waited for."""

StreamStep = SpeechEvent | BaseException | asyncio.Event | int
"""The same of a live stream. A number waits until so many milliseconds of audio have come, or the end of them."""


def spoken(text: str, index: int = 0, start_ms: int = 500, channel: int = 0, confidence: float = 0.9) -> Segment:
    """A segment of words that last 300 ms each, 100 ms apart."""
    words = []
    for number, word in enumerate(text.split()):
        begin_ms = start_ms + 400 * number
        step_ms = 300 // len(word)
        characters = tuple(
            Character(character, begin_ms + step_ms * place, begin_ms + step_ms * (place + 1))
            for place, character in enumerate(word)
        )
        words.append(Word(word, begin_ms, begin_ms + 300, confidence, characters))
    return Segment(index, channel, start_ms, words[-1].end_ms, text, confidence, tuple(words))


TRANSCRIPT = Transcript(
    "en", "scripted", 10_000, (0,), (spoken("Hello, world."), spoken("It was the best of times.", 1, 3_000))
)
SILENCE = Transcript("en", "scripted", 10_000, (0,), ())


def script(transcript: Transcript) -> list[Step]:
    """The events that make up a transcript."""
    return [
        Opened(transcript.duration_ms, transcript.channels),
        *(Final(segment) for segment in transcript.segments),
        Progress(transcript.duration_ms),
        *([SpeakersFound(changes=transcript.changes)] if transcript.changes else []),
        Finished(transcript.duration_ms, transcript.language, transcript.model),
    ]


def stream_script(transcript: Transcript) -> list[StreamStep]:
    """The events of a live stream that says a transcript; each final waits until its audio has come."""
    steps: list[StreamStep] = []
    for segment in transcript.segments:
        first = replace(segment, text=segment.words[0].text, end_ms=segment.words[0].end_ms, words=segment.words[:1])
        steps += [
            first.end_ms,
            SpeechStarted(segment.index, segment.channel, segment.start_ms),
            Partial(first, stable_words=1),
            segment.end_ms,
            Final(segment),
            SpeechEnded(segment.index, segment.channel, segment.end_ms),
        ]
    return steps


class ScriptedStream:
    """Plays its script, then waits for ``finish``; remembers what it was given."""

    def __init__(
        self, pool: ScriptedPool, request: RecognitionRequest, rate: int, encoding: AudioEncoding, channels: int
    ) -> None:
        self._pool = pool
        self._woken = asyncio.Event()
        self._error: DragomanError | None = None
        self.request = request
        """With the vocabulary that was preferred last."""
        self.rate = rate
        self.encoding = encoding
        self.channels = channels
        self._played = 0
        self.received = bytearray()
        self.preferred: list[Vocabulary] = []
        self.finished = False
        self.closed = False

    @property
    def received_ms(self) -> int:
        """If it is PCM."""
        return len(self.received) // 2 // self.channels * 1000 // self.rate

    @property
    def taken_ms(self) -> int:
        return self.received_ms

    def prefer(self, vocabulary: Vocabulary) -> None:
        if self.received:
            raise InvalidRequest
        self.preferred.append(vocabulary)
        self.request = replace(self.request, vocabulary=vocabulary)

    @property
    def has_room(self) -> bool:
        return self._pool.stream_gate is None or self._pool.stream_gate.is_set()

    def put(self, audio: bytes) -> None:
        if self._error is not None:
            raise self._error
        self.received += audio
        self._wake()

    async def send(self, audio: bytes) -> None:
        if self._error is not None:
            raise self._error
        if self._pool.stream_gate is not None:
            await self._pool.stream_gate.wait()
        self.put(audio)

    def finish(self) -> None:
        self.finished = True
        self._wake()

    @property
    def has_events(self) -> bool:
        for step in self._pool.stream_steps[self._played :]:
            if not isinstance(step, asyncio.Event | int):
                return not isinstance(step, BaseException)
            if not (step.is_set() if isinstance(step, asyncio.Event) else self._has(step)):
                return False
        return self.finished and not self.closed

    async def events(self) -> AsyncGenerator[SpeechEvent, None]:
        for step in self._pool.stream_steps:
            self._played += 1
            if isinstance(step, asyncio.Event):
                await step.wait()
            elif isinstance(step, int):
                await self._until(step)
            if self.closed:
                return
            if isinstance(step, asyncio.Event | int):
                continue
            if isinstance(step, BaseException):
                if isinstance(step, DragomanError):
                    self._error = step
                raise step
            else:
                yield step
        await self._until(None)
        for _ in range(3):  # no recogniser ends in the moment that it is told to
            await asyncio.sleep(0)
        if not self.closed:
            yield Finished(self.received_ms, self.request.language or self._pool.languages[0], "scripted")

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._pool.streams_left.release()
            self._wake()

    async def _until(self, received_ms: int | None) -> None:
        while not (self.closed or self._has(received_ms)):
            self._woken.clear()
            await self._woken.wait()

    def _has(self, received_ms: object) -> bool:
        return self.finished or (isinstance(received_ms, int) and self.received_ms >= received_ms)

    def _wake(self) -> None:
        self._woken.set()


class ScriptedPool:
    """Plays the same script for every file and for every live stream, and remembers what it was asked."""

    def __init__(
        self,
        steps: Iterable[Step] | None = None,
        languages: tuple[str, ...] = ("en",),
        stream_steps: Iterable[StreamStep] | None = None,
    ) -> None:
        self.steps: Sequence[Step] = list(script(TRANSCRIPT) if steps is None else steps)
        self.stream_steps: Sequence[StreamStep] = list(
            stream_script(TRANSCRIPT) if stream_steps is None else stream_steps
        )
        self.stream_capacity = 4
        self.stream_gate: asyncio.Event | None = None
        """While it is not set, no stream takes audio."""
        self.stream_error: Exception | None = None
        """Instead of a stream that opens."""
        self.streams: list[ScriptedStream] = []
        """Every one that was opened."""
        self.streams_left = asyncio.Semaphore(0)
        """Can be acquired once for each stream that was closed."""
        self.languages = languages
        self.phrases = True
        self.diarizes = True
        self.profiles = ("default", "accurate")
        self.start_gate: asyncio.Event | None = None
        self.start_error: Exception | None = None
        self.requests: list[RecognitionRequest] = []
        self.media: list[bytes] = []
        self.paths: list[Path] = []
        self.entered = asyncio.Semaphore(0)
        """Can be acquired once for each file that was begun."""
        self.left = asyncio.Semaphore(0)
        """Can be acquired once for each file that was ended, however."""
        self.running = 0
        self.cancelled = 0

    async def start(self) -> None:
        if self.start_gate is not None:
            await self.start_gate.wait()
        if self.start_error is not None:
            raise self.start_error

    async def aclose(self) -> None:
        pass

    def capabilities(self, profile: str) -> Capabilities:
        if profile not in self.profiles:
            raise UnknownModel
        return Capabilities(
            model="scripted",
            version="1.2.3",
            languages=self.languages,
            phrases=self.phrases,
            diarizes=self.diarizes,
        )

    async def transcribe(
        self, media: Path, request: RecognitionRequest, *, urgent: bool = False
    ) -> AsyncGenerator[RecognitionEvent, None]:
        self.requests.append(request)
        self.paths.append(media)
        self.media.append(_content(media))
        self.running += 1
        self.entered.release()
        finished = False
        try:
            for step in self.steps:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, BaseException):
                    finished = True
                    raise step
                else:
                    finished = isinstance(step, Finished)
                    yield step
        finally:
            self.running -= 1
            self.cancelled += not finished
            self.left.release()

    def open_stream(
        self,
        request: RecognitionRequest,
        rate: int,
        *,
        encoding: AudioEncoding = AudioEncoding.PCM,
        channels: int = 1,
    ) -> ScriptedStream:
        if self.stream_error is not None:
            raise self.stream_error
        stream = ScriptedStream(self, request, rate, encoding, channels)
        self.streams.append(stream)
        return stream


def _content(path: Path) -> bytes:
    return path.read_bytes()


def recogniser(settings: Settings, pool: ScriptedPool, sample: Path = Path(__file__)) -> Recognition:
    """The recognition over a scripted pool, wired as the server wires the real one."""
    return Recognition(
        pool,
        Admission(settings.concurrent_files),
        Quota({name: profile.quota_minutes for name, profile in settings.profiles.items()}),
        nullcontext(sample),
        readiness_cache_s=settings.readiness_cache_s,
        max_streams=settings.max_concurrent_streams,
    )


def application(settings: Settings, pool: ScriptedPool, sample: Path = Path(__file__)) -> Application:
    """The whole application over a scripted pool."""
    return build_app(settings, recogniser(settings, pool, sample))


@asynccontextmanager
async def client(app: Application, headers: dict[str, str] | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a started application, without a socket between them."""
    async with app.lifespan(None):
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as connected:
            yield connected


@asynccontextmanager
async def serving(
    app: Application,
    settings: Settings,
    protocol: type[HttpProtocol] = HttpProtocol,
    socket_protocol: type[WebSocketProtocol] = WebSocketProtocol,
) -> AsyncIterator[str]:
    """The application behind a real socket of this machine; gives its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(app, settings)
        server.config.http = protocol
        server.config.ws = socket_protocol
        running = asyncio.create_task(server.serve(sockets=[listener]), name="server")
        try:
            await server.listening.wait()
            host, port = listener.getsockname()
            yield f"http://{host}:{port}"
        finally:
            server.should_exit = True
            await running
