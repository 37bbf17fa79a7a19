"""What the server and a worker process say to each other.

Each message is a frame: four bytes of length, big-endian, then MessagePack, decoded into the types below and nothing
else. A worker that was taken over by a hostile file can therefore send wrong words, but no code: that is why it is not
pickle. The first frame to a worker is its configuration, JSON that only the composition root reads.

``task`` numbers one attempt at one shard of a file, or one opening of a live stream. It is never used again, so a
message that arrives late for what is over concerns nobody.

Live streams are many and their reports small, so one frame carries those of all streams of a turn.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import takewhile
from typing import BinaryIO, Final

import msgspec

from dragoman.audio.place import Place
from dragoman.core import events
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import DragomanError, InvalidRequest, by_code
from dragoman.core.request import AudioEncoding, RecognitionRequest
from dragoman.core.transcript import Segment, Word

MAX_FRAME: Final = 64 * 2**20
"""A longer frame is no message. The longest real one resumes a file of a day."""

STREAM_CAPACITY: Final = "DRAGOMAN_WORKER_STREAMS"
"""The variable that tells a replacement how many live streams its predecessor could serve; it need not measure."""

HEADER: Final = struct.Struct(">I")
_NO_HEADER: Final = bytes(HEADER.size)


class Shard(msgspec.Struct, frozen=True, array_like=True):
    """The segments of a file whose index leaves ``number`` when divided by ``of``."""

    number: int = 0
    of: int = 1

    def has(self, index: int) -> bool:
        return index % self.of == self.number


class Start(msgspec.Struct, frozen=True, tag="start"):
    """Recognise the shard of a file, less the segments in ``done``, which are known already. It is held at first."""

    task: int
    media: str
    request: RecognitionRequest
    shard: Shard = Shard()
    done: tuple[int, ...] = ()
    urgent: bool = False


class Share(msgspec.Struct, frozen=True, tag="share"):
    """From now on the task's shard is this one: others help."""

    task: int
    shard: Shard


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    """Do nothing for the task for now, or go on."""

    task: int
    held: bool


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Of a file: answered with ``FileFailed`` of code ``cancelled`` at once, or as soon as the task's step has stopped.

    Of a stream: it is forgotten.
    """

    task: int


class Reached(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How far one channel of a stream has got."""

    settled: int = 0
    """Samples before this are never needed again: a replacement starts here."""
    next_index: int = 0
    """Of the next segment."""


class OpenStream(msgspec.Struct, frozen=True, tag="open_stream"):
    """A live stream. What was dealt with before, by another worker, is in ``channels``, one for each that there is.

    Its audio is the first ``place.head`` bytes of the stream, and then those from ``place.offset`` on.
    """

    task: int
    request: RecognitionRequest
    rate: int
    """Samples a second, as the client says."""
    encoding: AudioEncoding = AudioEncoding.PCM
    channels: tuple[Reached, ...] = (Reached(),)
    place: Place = Place()
    suspect: bool = False
    """It may have killed a worker: nothing is computed together with it before it gets further."""
    voices: tuple[bytes, ...] = ()
    """What another worker remembered of the speakers of each channel."""


class Audio(msgspec.Struct, frozen=True, gc=False, tag="audio"):
    """The next bytes of a stream, in its encoding."""

    task: int
    data: bytes


class EndStream(msgspec.Struct, frozen=True, tag="end_stream"):
    """No more audio will come; the stream ends with the event ``Finished``."""

    task: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The engines are loaded."""

    capabilities: dict[str, Capabilities]
    """By profile."""
    load_ms: int
    streams: int = 0
    """How many live streams it can serve in real time."""
    faults: dict[str, str] = {}
    """Why it has no recogniser for a profile."""


class NotReady(msgspec.Struct, frozen=True, tag="not_ready"):
    """The engines cannot be loaded, and trying again will not help."""

    message: str


class FileOpened(msgspec.Struct, frozen=True, tag="opened"):
    task: int
    event: events.Opened


class FileProgress(msgspec.Struct, frozen=True, tag="progress"):
    task: int
    event: events.Progress


class SegmentDone(msgspec.Struct, frozen=True, tag="segment"):
    """``segment`` is ``None`` where nothing was said."""

    task: int
    index: int
    segment: Segment | None


class FileSpeakers(msgspec.Struct, frozen=True, tag="speakers"):
    """Of the whole file; comes with shard 0 alone."""

    task: int
    event: events.SpeakersFound


class FileAudioEvents(msgspec.Struct, frozen=True, tag="audio_events"):
    """Of the whole file; comes with shard 0 alone."""

    task: int
    event: events.AudioEventsFound


class FileFinished(msgspec.Struct, frozen=True, tag="finished"):
    task: int
    event: events.Finished


class FileFailed(msgspec.Struct, frozen=True, tag="failed"):
    """The ``DragomanError`` that ended the task."""

    task: int
    code: str
    message: str
    field: str | None = None


class StreamStarted(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=0):
    event: events.SpeechStarted


class StreamPartial(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=1):
    """Without the first ``kept`` words of its segment, which are those of the channel's partial before."""

    event: events.Partial
    kept: int = 0


class StreamFinal(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=2):
    event: events.Final


class StreamEnded(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=3):
    event: events.SpeechEnded


class StreamFinished(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=4):
    event: events.Finished


StreamEvent = StreamStarted | StreamPartial | StreamFinal | StreamEnded | StreamFinished


def stream_event(event: events.SpeechEvent, told: tuple[Word, ...] = ()) -> StreamEvent:
    """``told`` are the words of the channel's partial before; words that are the same objects are not sent again."""
    match event:
        case events.SpeechStarted():
            return StreamStarted(event)
        case events.Partial(segment):
            kept = sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], zip(told, segment.words, strict=False)))
            rest = replace(segment, words=segment.words[kept:])
            return StreamPartial(events.Partial(rest, event.stable_words), kept)
        case events.Final():
            return StreamFinal(event)
        case events.SpeechEnded():
            return StreamEnded(event)
        case events.Finished():
            return StreamFinished(event)


def speech_event(wrapped: StreamEvent, told: tuple[Word, ...] = ()) -> events.SpeechEvent:
    """The event again. ``told`` are the words of the channel's partial before."""
    if isinstance(wrapped, StreamPartial) and wrapped.kept:
        partial = wrapped.event
        words = told[: wrapped.kept] + partial.segment.words
        return events.Partial(replace(partial.segment, words=words), partial.stable_words)
    return wrapped.event


class StreamReport(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What happened in one stream. Samples and bytes count from its beginning, whoever dealt with them."""

    task: int
    taken: int
    """Samples."""
    consumed: int
    """Bytes."""
    channels: tuple[Reached, ...]
    place: Place
    """From where on the audio may still be needed."""
    events: tuple[StreamEvent, ...] = ()
    voices: tuple[bytes, ...] = ()
    """What is remembered of the speakers of each channel, where that is new."""


class StreamFailed(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The ``DragomanError`` that ended the stream."""

    task: int
    code: str
    message: str
    field: str | None = None


class Streams(msgspec.Struct, frozen=True, gc=False, tag="streams"):
    """What happened in all streams since the last report, and how the worker does."""

    reports: tuple[StreamReport, ...]
    failed: tuple[StreamFailed, ...]
    open: int
    """How many streams it has."""
    late_ms: int
    """How late it is with the stream that it is latest with; a stream sent faster than real time is not late."""


class Stepping(msgspec.Struct, frozen=True, gc=False, tag="stepping"):
    """From now on it computes for these streams, and for nothing else if there are any. If it dies, that is why."""

    tasks: tuple[int, ...]


Order = Start | Share | Hold | Cancel | OpenStream | Audio | EndStream
FileReport = FileOpened | FileProgress | SegmentDone | FileSpeakers | FileAudioEvents | FileFinished | FileFailed
Report = Ready | NotReady | FileReport | Streams | Stepping

_ENCODER = msgspec.msgpack.Encoder()
_ORDERS: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_REPORTS: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)


class ProtocolError(Exception):
    """The other side sent what is not a message."""


def frame(body: bytes) -> bytes:
    return HEADER.pack(len(body)) + body


def encode(message: Order | Report) -> bytes:
    """The message as a frame."""
    return frame(_ENCODER.encode(message))


def append(frames: bytearray, message: Order) -> None:
    """The message as one frame more; audio is copied once."""
    start = len(frames)
    frames += _NO_HEADER
    _ENCODER.encode_into(message, frames, start + HEADER.size)
    HEADER.pack_into(frames, start, len(frames) - start - HEADER.size)


def length(header: bytes | memoryview) -> int:
    """The length of the body that follows. Raises ``ProtocolError``."""
    size: int = HEADER.unpack(header)[0]
    if size > MAX_FRAME:
        raise ProtocolError(f"a frame of {size} bytes")
    return size


def decode_report(body: bytes) -> Report:
    """Raises ``ProtocolError``."""
    try:
        return _REPORTS.decode(body)
    except msgspec.MsgspecError as problem:
        raise ProtocolError(str(problem)) from problem


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next body, for the worker's side; ``None`` at the end of the stream."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    size = length(header)
    body = stream.read(size)
    return body if len(body) == size else None


def error(report: FileFailed | StreamFailed) -> DragomanError:
    failure = by_code(report.code, report.message)
    if isinstance(failure, InvalidRequest):
        failure.field = report.field
    return failure


def decode_order(body: bytes | memoryview) -> Order:
    return _ORDERS.decode(body)
