"""A client of HTTP/2 over a real socket that does what it is told, and no more."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import zttp

Event = TypeVar("Event")

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Http2Client:
    """Sends at once what a test sends; reads only while a test waits for something."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.conn: zttp.H2Connection = zttp.Connection(zttp.CLIENT, protocol=zttp.HTTP2)
        self._events: list[Any] = []
        self.conn.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.writer.write(self.conn.data_to_send())

    def request(self, path: str, method: str = "POST", **headers: str) -> zttp.Stream:
        """A request whose body is still open."""
        fields = [(b"host", b"client.test"), *((name.encode(), value.encode()) for name, value in headers.items())]
        stream = self.conn.send_request(method.encode(), path.encode(), b"2", fields)
        self.flush()
        return stream

    def send(self, stream: zttp.Stream, data: bytes, *, end: bool = False) -> None:
        if data:
            stream.send_data(data)
        if end:
            stream.end_message()
        self.flush()

    def reset(self, stream: zttp.Stream) -> None:
        stream.reset(8)
        self.flush()

    def go_away(self) -> None:
        self.conn.close()
        self.flush()

    async def next(self, kind: type[Event], stream: zttp.Stream | None = None) -> Event:
        """The next event of this kind, on this stream. Raises ``EOFError`` when the server has closed."""
        async with asyncio.timeout(10):
            while True:
                for at, event in enumerate(self._events):
                    if isinstance(event, kind) and (stream is None or event.stream_id == stream.stream_id):
                        return self._events.pop(at)  # type: ignore[no-any-return]
                await self._read()

    async def status(self, stream: zttp.Stream) -> int:
        return (await self.next(zttp.Response, stream)).status_code

    async def data(self, stream: zttp.Stream, size: int) -> bytes:
        """So many bytes of the reply."""
        received = b""
        while len(received) < size:
            received += (await self.next(zttp.Data, stream)).data
        return received

    async def rest(self, stream: zttp.Stream) -> bytes:
        """The reply to its end."""
        await self.next(zttp.EndOfMessage, stream)
        pieces = [e for e in self._events if isinstance(e, zttp.Data) and e.stream_id == stream.stream_id]
        self._events = [event for event in self._events if event not in pieces]
        return b"".join(piece.data for piece in pieces)

    async def closed(self) -> None:
        """Wait until the server closes the connection."""
        async with asyncio.timeout(10):
            while True:
                try:
                    await self._read()
                except (EOFError, ConnectionError):
                    return

    async def _read(self) -> None:
        data = await self.reader.read(1 << 16)
        if not data:
            raise EOFError
        self.conn.receive_data(data)
        while (event := self.conn.next_event()) is not zttp.NEED_DATA:
            self._events.append(event)
        self.flush()


@asynccontextmanager
async def connected(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Http2Client]:
    """A client of a server of this machine, over TLS if it is given a context."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        yield Http2Client(reader, writer)
    finally:
        writer.transport.abort()


def frame(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    """A frame as the RFC lays it out, whether or not it makes sense."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream_id.to_bytes(4) + payload


def head(*fields: tuple[bytes, bytes]) -> bytes:
    """A header block of literals that are not indexed."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in fields)


def _text(data: bytes) -> bytes:
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, encoded = len(data) - 127, bytearray([127])
    while rest >= 128:
        encoded.append(rest % 128 + 128)
        rest //= 128
    return bytes([*encoded, rest]) + data
