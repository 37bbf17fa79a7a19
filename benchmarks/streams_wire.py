"""Phonexia's two ways to stream, as lightly as a client can: for the benchmark's other side.

WebSocket messages are framed here, with a mask of zeros, so that what is sent can be prepared once for many streams.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

now = time.perf_counter

STOP: Final = b'{"event": "stop"}'


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    pids: tuple[int, ...]
    """The server's, then its workers'."""

    def processor_s(self) -> list[float]:
        return [processor_s(pid) for pid in self.pids]

    def memory_kb(self) -> list[int]:
        return [memory_kb(pid) for pid in self.pids]


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kb(pid: int) -> int:
    """What is resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def frame(opcode: int, payload: bytes) -> bytes:
    """A whole message of a client, masked with zeros."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65_536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + bytes(4) + payload


class WebSocket(asyncio.Protocol):
    """One stream. ``on_message`` gets every text and the moment it came."""

    def __init__(self, server: Server, rate: int, on_message: Callable[[bytes, float], None]) -> None:
        self._request = (
            f"GET /api/v1/websocket/stt?frequency={rate} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ).encode()
        self._on_message = on_message
        self._received = bytearray()
        self._message = bytearray()
        self.status = 0
        """Of the answer to the handshake; 101 for a stream."""
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        at = now()
        self._received += data
        if not self.status:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self.status = int(self._received[9:12])
            del self._received[: end + 4]
            self.answered.set()
        if self.status == 101:
            self._read_frames(at)

    def _read_frames(self, at: float) -> None:
        received = self._received
        while len(received) >= 2:
            size, start = received[1] & 127, 2
            if size == 126:
                if len(received) < 4:
                    return
                (size,), start = struct.unpack_from("!H", received, 2), 4
            elif size == 127:
                if len(received) < 10:
                    return
                (size,), start = struct.unpack_from("!Q", received, 2), 10
            if len(received) < start + size:
                return
            head, payload = received[0], bytes(received[start : start + size])
            del received[: start + size]
            self._take(head, payload, at)

    def _take(self, head: int, payload: bytes, at: float) -> None:
        opcode = head & 15
        if opcode == 8:
            self.transport.write(frame(8, payload))
            self.transport.close()
        elif opcode == 9:
            self.transport.write(frame(10, payload))
        elif opcode in (0, 1, 2):
            self._message += payload
            if head & 0x80:
                message, self._message = bytes(self._message), bytearray()
                self._on_message(message, at)

    def connection_lost(self, error: Exception | None) -> None:
        self.answered.set()
        self.ended.set()


class Upload(asyncio.Protocol):
    """A chunked PUT of one HTTP stream."""

    def __init__(self, server: Server, stream_id: str) -> None:
        self._request = (
            f"PUT /api/v1/stt/stream/{stream_id} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        ).encode()
        self.ended = asyncio.Event()
        self.answer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        self.ended.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set()


class Http:
    """Small requests over one connection that is kept."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def open(self) -> Http:
        self._reader, self._writer = await asyncio.open_connection(self._server.host, self._server.port)
        return self

    async def __call__(self, method: str, path: str) -> tuple[int, bytes]:
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: {self._server.host}:{self._server.port}\r\n"
            f"Content-Length: 0\r\n\r\n".encode()
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return int(head[9:12]), await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()
