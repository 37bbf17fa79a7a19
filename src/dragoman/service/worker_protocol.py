"""What the server and a worker process say to each other.

Each message is a frame: four bytes of length, big-endian, then MessagePack, decoded into the types below and nothing
else. A worker that was taken over by a hostile file can therefore send wrong words, but no code: that is why it is not
pickle. The first frame to a worker is its configuration, JSON that only the composition root reads.

``task`` numbers one attempt at one shard of a file. It is never used again, so a message that arrives late for an
attempt that is over concerns nobody.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

import msgspec

from dragoman.core import events
from dragoman.core.capabilities import Capabilities
from dragoman.core.request import RecognitionRequest
from dragoman.core.transcript import Segment

MAX_FRAME: Final = 64 * 2**20
"""A longer frame is no message. The longest real one resumes a file of a day."""

HEADER: Final = struct.Struct(">I")


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
    """Answered with ``FileFailed`` of code ``cancelled`` at once, or as soon as the task's step has stopped."""

    task: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The engines are loaded."""

    capabilities: dict[str, Capabilities]
    """By profile."""
    load_ms: int


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


class FileFinished(msgspec.Struct, frozen=True, tag="finished"):
    task: int
    event: events.Finished


class FileFailed(msgspec.Struct, frozen=True, tag="failed"):
    """The ``DragomanError`` that ended the task."""

    task: int
    code: str
    message: str
    field: str | None = None


Order = Start | Share | Hold | Cancel
FileReport = FileOpened | FileProgress | SegmentDone | FileFinished | FileFailed
Report = Ready | NotReady | FileReport

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


def length(header: bytes) -> int:
    """The length of the body that follows. Raises ``ProtocolError``."""
    size: int = HEADER.unpack(header)[0]
    if size > MAX_FRAME:
        raise ProtocolError(f"a frame of {size} bytes")
    return size


def decode_report(body: bytes) -> Report:
    """Raises ``ProtocolError``."""
    try:
        return _REPORTS.decode(body)
    except msgspec.MsgspecError as error:
        raise ProtocolError(str(error)) from error


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next body, for the worker's side; ``None`` at the end of the stream."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    size = length(header)
    body = stream.read(size)
    return body if len(body) == size else None


def decode_order(body: bytes) -> Order:
    return _ORDERS.decode(body)
