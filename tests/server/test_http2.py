"""HTTP/2 over real sockets: streams in both directions at once, whatever their clients do."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import httpx
import pytest
import websockets
import zttp

from dragoman.server.http2 import MAX_UNSENT_BYTES
from echo import echoing
from http2_client import PREFACE, connected, frame, head

pytestmark = pytest.mark.unit

WINDOW = 65_535
"""What a stream may carry without its reader's permission."""
PSEUDO = ((b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"client.test:80"))


async def until(condition: object) -> None:
    async with asyncio.timeout(10):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_http1_websockets_and_http2_share_a_port(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports, httpx.AsyncClient() as http1:
        assert (await http1.post(f"http://127.0.0.1:{ports.clear}/", content=b"one")).content == b"oneend"
        async with websockets.connect(f"ws://127.0.0.1:{ports.clear}/") as socket:
            await socket.send(b"two")
            assert await socket.recv() == b"two"
        async with connected(ports.clear) as client:
            stream = client.request("/")
            client.send(stream, b"three", end=True)
            assert await client.rest(stream) == b"threeend"
        assert [(scope["type"], scope["http_version"]) for scope in ports.app.scopes] == [
            ("http", "1.1"),
            ("websocket", "1.1"),
            ("http", "2"),
        ]


async def test_the_application_sees_what_the_client_sent_byte_by_byte(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        stream = client.request("/a%20b/%C3%A9%2F?x=%2F&y", **{"x-amz-date": "now", "content-type": "a/b"})
        client.send(stream, b"", end=True)
        assert await client.status(stream) == 200
        (scope,) = ports.app.scopes
        assert (scope["method"], scope["path"], scope["scheme"]) == ("POST", "/a b/é/", "http")
        assert (scope["raw_path"], scope["query_string"]) == (b"/a%20b/%C3%A9%2F", b"x=%2F&y")
        headers = scope["headers"]
        assert {(b"host", b"client.test"), (b"x-amz-date", b"now"), (b"content-type", b"a/b")} <= set(headers)
        assert [name for name, _ in headers if name.startswith(b":")] == []


async def test_a_preface_that_comes_byte_by_byte_is_one(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports:
        reader, writer = await asyncio.open_connection("127.0.0.1", ports.clear)
        for byte in PREFACE + frame(4, 0, 0, b""):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert (await reader.readexactly(9))[3] == 4
        writer.close()


@pytest.mark.parametrize("start", [b"P", b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"])
async def test_what_only_begins_like_the_preface_is_http1(tmp_path: Path, start: bytes) -> None:
    async with echoing(tmp_path) as ports:
        reader, writer = await asyncio.open_connection("127.0.0.1", ports.clear)
        writer.write(start)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"OST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200" if start == b"P" else b"HTTP/1.1 4")
        writer.close()


async def test_the_reply_comes_while_the_request_goes_on(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        stream = client.request("/")
        assert await client.status(stream) == 200
        for number in range(20):
            piece = b"%4d" % number
            client.send(stream, piece)
            assert await client.data(stream, 4) == piece
        client.send(stream, b"", end=True)
        assert await client.rest(stream) == b"end"


async def test_more_than_a_window_passes_both_ways(tmp_path: Path) -> None:
    body = bytes(range(256)) * 4096
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        stream = client.request("/")
        client.send(stream, body, end=True)
        assert await client.rest(stream) == body + b"end"


async def test_a_request_without_a_body_has_an_end(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        fields = head((b":method", b"GET"), *PSEUDO[1:], (b":path", b"/"))
        client.writer.write(frame(1, 5, 1, fields))
        assert (await asyncio.wait_for(client.reader.read(1000), 5)).startswith(b"\0\0")
        async with asyncio.timeout(5):
            await ports.app.ended.acquire()


async def test_streams_of_a_connection_do_not_wait_for_each_other(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        unread = client.request("/wait")
        client.send(unread, bytes(30_000))
        lively = client.request("/")
        for _ in range(10):
            client.send(lively, b"piece")
            assert await client.data(lively, 5) == b"piece"
        ports.app.told.set()
        client.send(unread, b"", end=True)
        assert await client.rest(unread) == bytes(30_000) + b"end"


async def test_a_client_that_goes_away_keeps_its_streams(tmp_path: Path) -> None:
    """The JavaScript SDK says so at once, and then sends its audio."""
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        stream = client.request("/")
        client.go_away()
        for piece in (b"after", b"wards"):
            client.send(stream, piece)
            assert await client.data(stream, 5) == piece
        client.send(stream, b"", end=True)
        assert await client.rest(stream) == b"end"
        await client.closed()


@pytest.mark.parametrize("together", [True, False])
async def test_a_client_that_goes_away_may_still_open_streams(tmp_path: Path, together: bool) -> None:
    """Node sends what it says of the connection ahead of the streams that it opened before."""
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        client.writer.write(frame(7, 0, 0, bytes(8)))
        if not together:
            await client.writer.drain()
            await asyncio.sleep(0.05)
        for stream_id in (1, 3):
            client.writer.write(frame(1, 4, stream_id, head(*PSEUDO, (b":path", b"/"))))
        await until(lambda: ports.app.running == 2)
        client.writer.write(frame(0, 1, 1, b"one") + frame(0, 1, 3, b"two"))
        async with asyncio.timeout(10):
            reply = await client.reader.read()
        assert all(said in reply for said in (b"one", b"two"))
        assert reply.count(b"end") == 2


async def test_a_client_that_goes_away_gets_a_reply_that_is_larger_than_its_window(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        stream = client.request("/wait")
        client.go_away()
        client.send(stream, bytes(WINDOW), end=True)
        await until(lambda: ports.app.running)
        ports.app.told.set()
        async with asyncio.timeout(5):
            await ports.app.ended.acquire()
        assert len(await client.rest(stream)) == WINDOW + len(b"end")
        await client.closed()


async def test_a_stream_that_is_reset_ends_alone_and_leaves_nothing(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        kept = client.request("/")
        for _ in range(50):
            stream = client.request("/")
            client.send(stream, b"abc")
            assert await client.data(stream, 3) == b"abc"
            client.reset(stream)
            async with asyncio.timeout(5):
                await ports.app.ended.acquire()
        assert ports.app.messages[-1] == {"type": "http.disconnect"}
        client.send(kept, b"still here")
        assert await client.data(kept, 10) == b"still here"
        assert ports.app.running == 1
        (connection,) = ports.server.server_state.connections
        assert len(connection.cycles) == 1
        await until(lambda: len(ports.server.server_state.tasks) == 1)


@pytest.mark.parametrize("after", ["request", "headers", "data", "end"])
async def test_a_connection_that_is_cut_ends_its_streams(tmp_path: Path, after: str) -> None:
    async with echoing(tmp_path) as ports:
        async with connected(ports.clear) as client:
            streams = [client.request("/wait" if after == "end" else "/") for _ in range(5)]
            await until(lambda: ports.app.running == 5)
            if after != "request":
                for stream in streams:
                    assert await client.status(stream) == 200
            if after in ("data", "end"):
                for stream in streams:
                    client.send(stream, b"abc", end=after == "end")
                await client.writer.drain()
        ports.app.told.set()
        await until(lambda: not ports.app.running)
        await until(lambda: not ports.server.server_state.tasks and not ports.server.server_state.connections)


async def test_a_client_that_does_not_read_stops_the_application(tmp_path: Path) -> None:
    """One that reads nothing, and one that reads but does not let more than the first window of a stream come."""
    async with echoing(tmp_path) as ports, connected(ports.clear) as client, connected(ports.clear) as deaf:
        stingy = client.request("/flood")
        deaf.request("/flood")
        await client.status(stingy)
        flooded = -1
        while flooded != ports.app.flooded:
            flooded = ports.app.flooded
            await asyncio.sleep(0.2)
        assert flooded * (1 << 20) <= 2 * ((1 << 20) + MAX_UNSENT_BYTES)
        await ports_answer(ports.clear)
        client.reset(stingy)
        await until(lambda: ports.app.running == 1)


async def test_answers_to_a_client_that_does_not_read_do_not_pile_up(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        await client.next(zttp.Settings)
        pings = frame(6, 0, 0, bytes(8)) * 10_000
        stuck = False
        while not stuck:
            client.writer.write(pings)
            try:
                await asyncio.wait_for(client.writer.drain(), 1)
            except TimeoutError:
                stuck = True
        (connection,) = ports.server.server_state.connections
        assert connection.transport.get_write_buffer_size() < 4 << 20
        await ports_answer(ports.clear)


async def ports_answer(port: int) -> None:
    async with connected(port) as client:
        stream = client.request("/")
        client.send(stream, b"well", end=True)
        assert await client.rest(stream) == b"wellend"


async def test_an_early_reply_reaches_a_client_that_still_sends(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        stream = client.request("/early")
        for _ in range(40):
            client.send(stream, bytes(16_384))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert await client.status(stream) == 400
        assert await client.rest(stream) == b"end"
        await asyncio.sleep(0)
        other = client.request("/")
        client.send(other, b"more", end=True)
        assert await client.rest(other) == b"moreend"


async def test_browsers_are_not_told_that_websockets_may_be_streams(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        settings = dict((await client.next(zttp.Settings)).params)
        assert zttp.H2Settings.ENABLE_CONNECT_PROTOCOL not in settings
        assert settings[zttp.H2Settings.MAX_CONCURRENT_STREAMS] >= 100
        assert settings[zttp.H2Settings.MAX_HEADER_LIST_SIZE] <= 64 << 10


async def test_no_more_streams_run_than_were_promised(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports, connected(ports.clear) as client:
        most = dict((await client.next(zttp.Settings)).params)[zttp.H2Settings.MAX_CONCURRENT_STREAMS]
        for number in range(most + 20):
            client.writer.write(frame(1, 4, 2 * number + 1, head(*PSEUDO, (b":path", b"/"))))
        await client.writer.drain()
        await until(lambda: ports.app.running >= most)
        await ports_answer(ports.clear)
        assert len(ports.app.scopes) <= most + 1


ODD = {
    "a path that is not ASCII": frame(1, 5, 1, head(*PSEUDO, (b":path", b"/\xc3\xa9"))),
    "a method that is not ASCII": frame(1, 5, 1, head((b":method", b"\xe9"), *PSEUDO[1:], (b":path", b"/"))),
    "CONNECT": frame(1, 4, 1, head((b":method", b"CONNECT"), (b":authority", b"a:1"))),
    "extended CONNECT": frame(
        1, 4, 1, head((b":method", b"CONNECT"), (b":protocol", b"websocket"), *PSEUDO[1:], (b":path", b"/"))
    ),
    "no path": frame(1, 5, 1, head(*PSEUDO)),
    "a path of a proxy": frame(1, 5, 1, head(*PSEUDO, (b":path", b"http://a/b"))),
    "asterisk": frame(1, 5, 1, head((b":method", b"OPTIONS"), *PSEUDO[1:], (b":path", b"*"))),
    "an empty path": frame(1, 5, 1, head(*PSEUDO, (b":path", b""))),
    "a head that is too long": frame(
        1, 0, 1, head(*PSEUDO, (b":path", b"/"), (b"x", bytes(16_000).replace(b"\0", b"x")))
    )
    + frame(9, 0, 1, b"x" * 16_000) * 30,
    "a head without an end": frame(1, 0, 1, b"") + frame(9, 0, 1, b"") * 100_000,
    "capitals": frame(1, 5, 1, head(*PSEUDO, (b":path", b"/"), (b"X-Y", b"z"))),
    "hop by hop": frame(1, 5, 1, head(*PSEUDO, (b":path", b"/"), (b"connection", b"close"))),
    "a broken header block": frame(1, 5, 1, b"\xff" * 100),
    "data without a stream": frame(0, 0, 1, b"x"),
    "an even stream": frame(1, 5, 2, head(*PSEUDO, (b":path", b"/"))),
    "a window too large": frame(8, 0, 0, b"\x7f\xff\xff\xff"),
    "a frame too large": frame(0, 0, 1, bytes(1 << 17)),
    "a frame of no known kind": frame(200, 0, 1, b"x"),
    "more than the length said": frame(1, 4, 1, head(*PSEUDO, (b":path", b"/"), (b"content-length", b"1")))
    + frame(0, 1, 1, b"xyz"),
    "HTTP/1": b"GET / HTTP/1.1\r\n\r\n" * 10,
}


@pytest.mark.parametrize("sent", ODD.values(), ids=ODD)
async def test_odd_frames_do_no_harm(tmp_path: Path, sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with echoing(tmp_path) as ports:
        for cut in (len(sent), len(sent) // 2):
            async with connected(ports.clear) as client:
                client.writer.write(sent[:cut])
                client.writer.write(frame(6, 0, 0, bytes(8)))
                async with asyncio.timeout(5):
                    await client.reader.read(100)
                    await ports_answer(ports.clear)
        await until(lambda: not ports.app.running)
    gc.collect()
    assert not [record for record in caplog.records if record.exc_info or "Fatal" in record.getMessage()]
