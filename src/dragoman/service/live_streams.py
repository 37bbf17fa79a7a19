"""The ways of live streams through the workers.

The server keeps of every stream the audio whose words are not final yet. When a worker dies, its streams wait for its
replacement, are opened there at the place up to which all is final, and get that audio again; so the events go on, no
final is lost and none comes twice. A worker says which streams it computes for before it does, so they and no others
are suspects when it dies; a stream that has killed three workers without getting further fails alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import replace
from typing import Final

from dragoman.audio.place import Place
from dragoman.core import events
from dragoman.core.errors import Cancelled, DragomanError, EngineNotReady, InvalidRequest, NoFreeInstance, WorkerLost
from dragoman.core.events import SpeechEvent
from dragoman.core.request import AudioEncoding, RecognitionRequest, Vocabulary
from dragoman.core.transcript import Word
from dragoman.service import worker_protocol as protocol
from dragoman.service.kept_audio import KeptAudio
from dragoman.service.worker_process import Worker, able

_SHORTEST_PIECE_MS: Final = 20
_LONGEST_PIECE_MS: Final = 1_000
"""Audio travels to the worker in pieces of this length."""
_MOST_UNTAKEN_MS: Final = 5_000
"""A client that has sent so much more than the worker took waits."""
_MOST_UNREAD: Final = 64
"""So does one that does not read its events."""
SAMPLE_BYTES: Final = 2
_OPUS_BYTES_PER_S: Final = 8_000
"""Of a channel; speech takes half of it."""
_MAX_STRIKES: Final = 3
_LATE_MS: Final = 2_000
"""A worker that is later than this with a stream gets no more of them."""


class PooledStream:
    """``LiveStream`` over the workers of a pool."""

    __slots__ = (
        *("_bytes_per_s", "_consumed", "_error", "_events", "_finished", "_kept", "_over", "_pending", "_place"),
        *("_reached", "_reader", "_started", "_streams", "_taken", "_told", "_voices", "_writer", "encoding", "rate"),
        *("request", "slot", "strikes", "task", "waiting_since", "worker"),
    )

    def __init__(
        self, streams: LiveStreams, request: RecognitionRequest, rate: int, encoding: AudioEncoding, channels: int
    ) -> None:
        self._streams = streams
        self.request = request
        self.rate = rate
        self.encoding = encoding
        is_opus = encoding is AudioEncoding.OGG_OPUS
        self._bytes_per_s = (_OPUS_BYTES_PER_S if is_opus else SAMPLE_BYTES * rate) * channels
        """At most, as a rule."""
        self.worker: Worker | None = None
        self.task = 0
        """Of its opening on that worker."""
        self.slot: int | None = None
        """Whose next worker it waits for; ``None``: any."""
        self.strikes = 0
        """Deaths of workers that may be its doing, since it last got further than before."""
        self._reached = tuple(protocol.Reached(0, channel) for channel in range(channels))
        self._place = Place()
        """From where on the audio may still be needed."""
        self.waiting_since: float | None = None
        """Since when the worker has had audio of it and taken none."""
        self._pending = b""
        """Too short to be sent on."""
        self._kept = KeptAudio()
        self._taken = 0
        """Samples."""
        self._consumed = 0
        """Bytes."""
        self._started = [-1] * channels
        """The last segments that have started."""
        self._told: list[tuple[Word, ...]] = [()] * channels
        """The words of the last partials, as the worker said them."""
        self._voices: tuple[bytes, ...] = ()
        """What the worker remembered of the speakers."""
        self._events: list[SpeechEvent] = []
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._finished = False
        self._over = False
        self._error: DragomanError | None = None

    @property
    def taken_ms(self) -> int:
        return self._taken * 1000 // self.encoding.decoded_rate(self.rate)

    @property
    def channels(self) -> int:
        return len(self._reached)

    @property
    def instances(self) -> int:
        """How much it asks of its worker."""
        return self.channels * self.request.stream_instances

    def prefer(self, vocabulary: Vocabulary) -> None:
        if self._pending or self._kept.end or self._finished:
            raise InvalidRequest("The vocabulary of a stream comes before its audio.")
        self.request = replace(self.request, vocabulary=vocabulary)

    @property
    def has_room(self) -> bool:
        untaken = self._kept.end - self._consumed
        return untaken * 1000 <= self._bytes_per_s * _MOST_UNTAKEN_MS and len(self._events) < _MOST_UNREAD

    def put(self, audio: bytes) -> None:
        if self._over or self._error is not None:
            raise self._error or Cancelled("The stream is closed.")
        if self._finished:
            raise InvalidRequest("The stream has been finished; no more audio can come.")
        self._pending = self._pending + audio if self._pending else audio
        self._pass_on(_SHORTEST_PIECE_MS)

    async def send(self, audio: bytes) -> None:
        self.put(audio)
        while not (self.has_room or self._over):
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        if self._finished or self._over:
            return
        self._pass_on(0)
        self._finished = True
        if self.worker is not None:
            self.worker.process.send(protocol.EndStream(self.task))
        else:
            self._streams.wait(self)
        self._mark_waiting()

    @property
    def has_events(self) -> bool:
        return bool(self._events)

    async def events(self) -> AsyncGenerator[SpeechEvent, None]:
        while True:
            while self._events:
                event = self._events.pop(0)
                _wake(self._writer)
                yield event
                if isinstance(event, events.Finished):
                    return
            if self._error is not None:
                raise self._error
            if self._over:
                return
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader

    def close(self) -> None:
        self._end()
        self._events.clear()

    # For the pool

    def fail(self, error: DragomanError) -> None:
        """The stream ends with the error, after what is known already."""
        self._error = self._error or error
        self._end()

    def orders(self) -> list[protocol.Order]:
        """What opens it on a worker, at the place up to which all is final."""
        opening = protocol.OpenStream(
            *(self.task, self.request, self.rate, self.encoding, self._reached, self._place),
            suspect=self.strikes > 0,
            voices=self._voices,
        )
        orders: list[protocol.Order] = [opening]
        if self._kept.end:
            orders.append(protocol.Audio(self.task, self._kept.since(self._place)))
        if self._finished:
            orders.append(protocol.EndStream(self.task))
        self._mark_waiting()
        return orders

    def take(self, report: protocol.StreamReport) -> None:
        """What the worker says. The finals and the end of the audio that they are from arrive in one report."""
        self._taken = max(self._taken, report.taken)
        self._consumed = max(self._consumed, report.consumed)
        if any(now.settled > before.settled for now, before in zip(report.channels, self._reached, strict=True)):
            self.strikes = 0
        self._reached = report.channels
        self._voices = report.voices or self._voices
        if report.place != self._place:
            self._place = report.place
            self._kept.trim(report.place)
        for wrapped in report.events:
            self._deliver(self._unwrap(wrapped))
        self.waiting_since = None
        self._mark_waiting()
        _wake(self._writer)

    def _pass_on(self, shortest_ms: int) -> None:
        """Send what is pending, in whole samples and not too little if that is what it is made of."""
        pending = self._pending
        size, step = len(pending), self._bytes_per_s * _LONGEST_PIECE_MS // 1000
        if self.encoding is AudioEncoding.PCM:
            size -= size % (SAMPLE_BYTES * self.channels)
            if size * 1000 < self._bytes_per_s * shortest_ms:
                return
        if size == 0:
            return
        for first in range(0, size, step):
            piece = pending[first : min(first + step, size)]  # the same object if it is all there is
            self._kept.append(piece)
            if self.worker is not None:
                self.worker.process.send(protocol.Audio(self.task, piece))
        self._pending = pending[size:]
        if self.worker is None:
            self._streams.wait(self)
        self._mark_waiting()

    def _mark_waiting(self) -> None:
        if self.waiting_since is None and (self._finished or self._kept.end > self._consumed):
            self.waiting_since = time.monotonic()

    def _unwrap(self, wrapped: protocol.StreamEvent) -> SpeechEvent:
        channel = _channel(wrapped.event)
        if channel is None:
            return wrapped.event
        event = protocol.speech_event(wrapped, self._told[channel])
        self._told[channel] = event.segment.words if isinstance(event, events.Partial) else ()
        return event

    def _deliver(self, event: SpeechEvent) -> None:
        if isinstance(event, events.SpeechStarted):
            if event.index <= self._started[event.channel]:
                return  # it was said before the worker died
            self._started[event.channel] = event.index
        self._forget_partial(event)
        self._events.append(event)
        _wake(self._reader)
        if isinstance(event, events.Finished):
            self._end()

    def _forget_partial(self, event: SpeechEvent) -> None:
        """Whatever comes in a channel after a partial makes it void."""
        channel = _channel(event)
        for number in range(len(self._events) - 1, -1, -1):
            if _channel(self._events[number]) == channel:
                if isinstance(self._events[number], events.Partial):
                    del self._events[number]
                return

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        self._streams.leave(self)
        self._pending = b""
        self._kept.clear()
        _wake(self._reader)
        _wake(self._writer)


class LiveStreams:
    """All streams that are open. ``workers`` are those that live, by slot; their owner says when that changes."""

    def __init__(self, workers: Mapping[int, Worker], numbers: Iterator[int]) -> None:
        self._workers = workers
        self._numbers = numbers
        self._on: defaultdict[Worker, dict[int, PooledStream]] = defaultdict(dict)
        """Those on a worker, by task."""
        self._waiting: list[PooledStream] = []
        """For a worker; those without audio are nowhere."""
        self._open: set[PooledStream] = set()

    def open(self, request: RecognitionRequest, rate: int, encoding: AudioEncoding, channels: int) -> PooledStream:
        """Raises ``NoFreeInstance`` while the workers are behind with the streams they have."""
        ready = [worker for worker in self._workers.values() if worker.ready]
        if ready and self._late_ms(min(ready, key=self._instances_on)) > _LATE_MS:
            raise NoFreeInstance("The recogniser is behind with the streams it has. Try again later.")
        stream = PooledStream(self, request, rate, encoding, channels)
        self._open.add(stream)
        return stream

    def on(self, worker: Worker) -> int:
        """How many streams a worker has."""
        return len(self._on[worker])

    def _instances_on(self, worker: Worker) -> int:
        return sum(stream.instances for stream in self._on[worker].values())

    def silent_since(self, worker: Worker) -> float | None:
        """Since when a worker that has something to do for streams has said nothing."""
        since = [stream.waiting_since for stream in self._on[worker].values() if stream.waiting_since is not None]
        if since or worker.stepping:
            return max(worker.heard_at, min(since, default=0.0))
        return None

    def _late_ms(self, worker: Worker) -> float:
        """What it said last, or how long it has said nothing since."""
        since = self.silent_since(worker)
        return max(worker.late_ms, 0.0 if since is None else (time.monotonic() - since) * 1000)

    def close(self, error: DragomanError) -> None:
        """Every stream gets the error."""
        for stream in list(self._open):
            stream.fail(error)

    # From the streams

    def wait(self, stream: PooledStream) -> None:
        """The stream has audio now, or its end."""
        if stream not in self._waiting:
            self._waiting.append(stream)
            self.place()

    def leave(self, stream: PooledStream) -> None:
        self._open.discard(stream)
        if stream in self._waiting:
            self._waiting.remove(stream)
        if stream.worker is not None:
            del self._on[stream.worker][stream.task]
            stream.worker.process.send(protocol.Cancel(stream.task))
            stream.worker = None

    # From the pool

    def place(self) -> None:
        """Give the streams that wait to the workers that have the least to do for others, as far as there are any."""
        for stream in list(self._waiting):
            try:
                candidates = able(self._workers.values(), stream.request.profile, stream.slot)
            except EngineNotReady as error:
                stream.fail(error)
                continue
            if candidates:
                self._waiting.remove(stream)
                self._assign(min(candidates, key=self._instances_on), stream)

    def abandon(self, slot: int) -> None:
        """There will be no worker in this slot for now: what waits for it goes to the first that is there."""
        for stream in self._waiting:
            if stream.slot == slot:
                stream.slot = None
        self.place()

    def lost(self, worker: Worker) -> None:
        """Its streams go to its replacement, except one that was tried too often."""
        for task, stream in self._on.pop(worker, {}).items():
            stream.worker = None
            stream.slot = worker.slot
            stream.strikes += task in worker.stepping
            if stream.strikes >= _MAX_STRIKES:
                stream.fail(WorkerLost(_CRASHES))
            else:
                self._waiting.append(stream)
        self.place()

    def take(self, worker: Worker, report: protocol.Streams | protocol.Stepping) -> None:
        """What a worker reports."""
        if isinstance(report, protocol.Stepping):
            worker.stepping = frozenset(report.tasks)
            return
        worker.sessions, worker.late_ms = report.open, report.late_ms
        streams = self._on[worker]
        for each in report.reports:
            if (stream := streams.get(each.task)) is not None:
                stream.take(each)
        for failure in report.failed:
            if (stream := streams.get(failure.task)) is not None:
                stream.fail(protocol.error(failure))

    def _assign(self, worker: Worker, stream: PooledStream) -> None:
        stream.worker = worker
        stream.task = next(self._numbers)
        self._on[worker][stream.task] = stream
        for order in stream.orders():
            worker.process.send(order)


_CRASHES: Final = (
    "The recogniser crashed three times at the same place of this stream. Other streams were not affected."
)


def _channel(event: SpeechEvent) -> int | None:
    match event:
        case events.Partial(segment) | events.Final(segment):
            return segment.channel
        case events.SpeechStarted() | events.SpeechEnded():
            return event.channel
        case events.Finished():
            return None


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
