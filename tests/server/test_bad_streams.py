"""Bad input to live streams over real sockets: an answer in the vendor's form, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dragoman.core.events import Final, Partial
from dragoman.server.protocol import WebSocketProtocol
from dragoman.server.settings import Settings
from scripted import ScriptedPool, application, serving, spoken

pytestmark = pytest.mark.unit

SOCKET = "/api/v1/websocket/stt"
STREAMS = "/api/v1/stt/stream"
SECOND = bytes(16_000)
STOP = json.dumps({"event": "stop"})
CONTINUATION, TEXT, BINARY, CLOSE, PING = 0, 1, 2, 8, 9


class Hasty(WebSocketProtocol):
    patience_s = 0.5


class Server:
    def __init__(self, url: str, pool: ScriptedPool) -> None:
        self.url = url
        self.pool = pool
        self.http = httpx.AsyncClient(base_url=url, timeout=10, headers={"connection": "close"})

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws") + SOCKET

    async def busy(self) -> int:
        technologies = (await self.http.get("/api/v1/technologies")).json()["result"]["technologies"]
        busy: int = technologies[1]["models"][0]["n_busy_instancies"]
        return busy

    async def connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(urlsplit(self.url).hostname, urlsplit(self.url).port)

    async def open_socket(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A WebSocket whose frames are made by hand."""
        reader, writer = await self.connection()
        writer.write(HANDSHAKE.replace(b"METHOD", b"GET"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        return reader, writer


HANDSHAKE = (
    f"METHOD {SOCKET} HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()


def frame(opcode: int, content: bytes, *, final: bool = True, length: int | None = None) -> bytes:
    """Masked with zeros. ``length`` is claimed in place of the true one."""
    head = bytes([opcode | 0x80 * final, 0x80 | 127])
    return head + struct.pack("!Q", len(content) if length is None else length) + bytes(4) + content


async def close_code(reader: asyncio.StreamReader) -> int:
    """Of the frame that closes; what comes before it is passed over."""
    async with asyncio.timeout(5):
        while True:
            opcode, size = await reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await reader.readexactly(2))
            content = await reader.readexactly(size)
            if opcode & 0x0F == CLOSE:
                code: int = struct.unpack("!H", content[:2])[0]
                return code


def file_handles() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """At the end there are as many tasks, file handles and streams as before."""
    pool = ScriptedPool(stream_steps=[1_000, Partial(spoken("one")), 2_000, Final(spoken("one two"))])
    settings = Settings(spool_dir=tmp_path, max_concurrent_streams=300, reply_stall_timeout_s=1)
    async with serving(application(settings, pool), settings, socket_protocol=Hasty) as url:
        server = Server(url, pool)
        assert await server.busy() == 0
        handles, tasks = file_handles(), len(asyncio.all_tasks())
        yield server
        async with asyncio.timeout(20):
            while await server.busy() or len(asyncio.all_tasks()) > tasks or file_handles() > handles:
                await asyncio.sleep(0.01)
        assert all(stream.closed for stream in pool.streams)
        await server.http.aclose()


async def answer(connected: ClientConnection) -> tuple[str, int | None]:
    """The error, and the code of the close."""
    error = ""
    try:
        while True:
            message = json.loads(await connected.recv())
            assert set(message) == {"status", "error", "result"}
            error = message["error"]
    except ConnectionClosed:
        return error, connected.close_code


@pytest.mark.parametrize(
    ("query", "sent", "complaint"),
    [
        ("?frequency=0", [], "frequency"),
        ("?frequency=1000000000", [], "frequency"),
        ("?frequency=abc", [], "frequency"),
        ("?frequency=", [], "frequency"),
        ("?frequency=8000&frequency=16000", [], "frequency"),
        ("?frequenzy=8000", [], "frequenzy"),
        ("", ["not JSON"], "JSON"),
        ("", ['{"event": "go"}'], "event"),
        ("", [SECOND, '{"preferred_phrases": {"phrases": []}}'], "audio"),
        ("", [STOP, SECOND], "stop"),
        ("", [STOP, STOP], "stop"),
    ],
)
async def test_what_is_wrong_is_said_and_the_connection_closed(
    server: Server, query: str, sent: list[str | bytes], complaint: str
) -> None:
    server.pool.stream_steps = [asyncio.Event()]  # the recognition does not end before all is sent
    async with connect(server.socket_url + query) as connected:
        for message in sent:
            await connected.send(message)
        error, code = await answer(connected)
    assert complaint in error
    assert code == 1008


async def test_a_stop_before_any_audio_is_answered_with_an_empty_result(server: Server) -> None:
    server.pool.stream_steps = []
    async with connect(server.socket_url) as connected:
        await connected.send(STOP)
        *_, last = [json.loads(message) async for message in connected]
    assert last["result"]["is_last"]
    assert last["result"]["segmentation"] == []
    assert connected.close_code == 1000


async def test_a_gigabyte_is_refused_before_it_is_sent(server: Server) -> None:
    reader, writer = await server.open_socket()
    writer.write(frame(BINARY, SECOND, length=1 << 30))
    assert await close_code(reader) == 1009
    writer.close()


async def test_a_message_that_never_ends_is_cut_off(server: Server) -> None:
    reader, writer = await server.open_socket()
    writer.write(frame(BINARY, SECOND, final=False))
    for _ in range(8):
        writer.write(frame(CONTINUATION, bytes(1 << 20), final=False))
        await writer.drain()
    assert await close_code(reader) == 1009
    writer.close()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(BINARY, SECOND)[:1] + b"\x05hello", 1002),
        (frame(CONTINUATION, b"lost"), 1002),
        (frame(5, b""), 1002),
    ],
)
async def test_frames_that_are_none_close_the_connection(server: Server, sent: bytes, code: int) -> None:
    reader, writer = await server.open_socket()
    writer.write(sent)
    assert await close_code(reader) == code
    writer.close()


async def test_fragments_without_content_are_not_collected(server: Server) -> None:
    _, writer = await server.open_socket()
    writer.write(frame(BINARY, SECOND[:8_000], final=False))
    for _ in range(50):
        writer.write(frame(CONTINUATION, b"", final=False) * 1_000)
        await writer.drain()
    writer.write(frame(CONTINUATION, SECOND[8_000:]))
    await until(lambda: len(server.pool.streams[0].received) == len(SECOND))
    writer.close()


async def test_a_handshake_that_is_none_gets_a_reply(server: Server) -> None:
    for handshake, status in (
        (HANDSHAKE.replace(b"METHOD", b"POST"), b"405"),
        (HANDSHAKE.replace(b"METHOD", b"GET").replace(b"sec-websocket-key", b"x"), b"400"),
        (HANDSHAKE.replace(b"METHOD", b"GET").replace(b": 13", b": 99"), b"400"),
        (HANDSHAKE.replace(b"METHOD", b"GET").replace(SOCKET.encode(), b"/nowhere"), b"404"),
        (HANDSHAKE.replace(b"METHOD", b"GET").replace(b"upgrade: websocket\r\n", b""), b"422"),
    ):
        reader, writer = await server.connection()
        writer.write(handshake)
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)).split()[1] == status
        writer.close()


async def test_a_client_that_pings_and_never_reads_costs_nothing(server: Server) -> None:
    _, writer = await server.open_socket()
    before = resident()
    for _ in range(300):
        writer.write(frame(PING, bytes(125)) * 1_000)
        await writer.drain()
    assert resident() - before < 20 << 20
    writer.transport.abort()


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


async def drop_a_socket(server: Server) -> None:
    _, writer = await server.open_socket()
    writer.write(frame(BINARY, SECOND))
    writer.transport.abort()


async def drop_a_socket_before_it_is_open(server: Server) -> None:
    _, writer = await server.connection()
    writer.write(HANDSHAKE.replace(b"METHOD", b"GET"))
    writer.transport.abort()


async def drop_a_socket_in_a_frame(server: Server) -> None:
    _, writer = await server.open_socket()
    writer.write(frame(BINARY, SECOND)[:5_000])
    writer.close()


async def drop_a_socket_after_the_stop(server: Server) -> None:
    _, writer = await server.open_socket()
    writer.write(frame(BINARY, SECOND) + frame(TEXT, STOP.encode()))
    writer.transport.abort()


async def drop_a_request_that_sends(server: Server) -> None:
    stream_id = (await server.http.post(STREAMS)).json()["result"]["stream_id"]
    _, writer = await server.connection()
    head = f"PUT {STREAMS}/{stream_id} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n"
    writer.write(head.encode() + b"3e80\r\n" + SECOND[:9_999])
    await writer.drain()
    writer.transport.abort()
    assert (await server.http.delete(f"{STREAMS}/{stream_id}")).status_code == 200


RUDE: list[Callable[[Server], Awaitable[None]]] = [
    drop_a_socket,
    drop_a_socket_before_it_is_open,
    drop_a_socket_in_a_frame,
    drop_a_socket_after_the_stop,
    drop_a_request_that_sends,
]


@pytest.mark.parametrize("rude", RUDE, ids=lambda rude: rude.__name__)
async def test_clients_that_disappear_leave_nothing(server: Server, rude: Callable[[Server], Awaitable[None]]) -> None:
    for _ in range(3):
        await asyncio.gather(*(rude(server) for _ in range(40)))


async def test_hundreds_of_streams_dropped_again_and_again_leave_nothing(server: Server) -> None:
    for _ in range(3):
        await asyncio.gather(*(drop_a_socket(server) for _ in range(200)))
        async with asyncio.timeout(20):
            while await server.busy():
                await asyncio.sleep(0.01)


async def test_a_request_goes_on_where_a_lost_one_stopped(server: Server) -> None:
    stream = f"{STREAMS}/{(await server.http.post(STREAMS)).json()['result']['stream_id']}"
    _, writer = await server.connection()
    writer.write(f"PUT {stream} HTTP/1.1\r\nhost: test\r\ncontent-length: 100000\r\n\r\n".encode() + SECOND)
    await until(lambda: len(server.pool.streams[0].received) == len(SECOND))
    writer.close()
    reply = await server.http.put(stream, content=SECOND)
    while reply.status_code == 422:  # until it is noticed that the first is gone
        reply = await server.http.put(stream, content=SECOND)
    assert reply.status_code == 200
    assert len(server.pool.streams[0].received) == 2 * len(SECOND)
    await server.http.delete(stream)


async def test_a_client_that_never_reads_is_cut_off(server: Server) -> None:
    """Although it keeps the connection open, and there is more to send than the connection holds."""
    long = spoken(" ".join(["word"] * 3_000))
    server.pool.stream_steps = [
        step for at in range(1, 200) for step in (10 * at, Partial(replace(long, text=f"{long.text} {at}")))
    ]
    _, writer = await server.open_socket()
    writer.transport.pause_reading()
    handles = file_handles()
    for _ in range(200):
        writer.write(frame(BINARY, bytes(160)))
        await asyncio.sleep(0.001)
    await until(lambda: file_handles() < handles)
    assert server.pool.streams[0].closed
    writer.transport.abort()


async def test_beyond_the_most_connections_there_are_no_sockets_either(tmp_path: Path) -> None:
    settings = Settings(spool_dir=tmp_path, max_connections=3)
    async with serving(application(settings, ScriptedPool()), settings) as url:
        server = Server(url, ScriptedPool())
        writers = [(await server.open_socket())[1] for _ in range(2)]
        reader, refused = await server.connection()
        refused.write(HANDSHAKE.replace(b"METHOD", b"GET"))
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        for writer in (*writers, refused):
            writer.close()
        await server.http.aclose()


async def test_a_server_that_stops_gives_the_last_result(tmp_path: Path) -> None:
    pool = ScriptedPool(stream_steps=[1_000, Partial(spoken("one")), 5_000, Final(spoken("one two"))])
    settings = Settings(spool_dir=tmp_path)
    said: list[dict[str, Any]] = []
    async with serving(application(settings, pool), settings) as url:
        connected = await connect(url.replace("http", "ws") + SOCKET)
        await connected.send(SECOND)
        said += [json.loads(await connected.recv()), json.loads(await connected.recv())]
    said += [json.loads(message) async for message in connected]
    assert said[-1]["result"]["is_last"]
    assert said[-1]["result"]["transcription"][0]["text"] == "one two"
    assert connected.close_code == 1001
    await connected.close()
