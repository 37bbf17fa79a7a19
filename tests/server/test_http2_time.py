"""What of HTTP/2 takes its time from the clock: connections that do nothing, and a server that is told to stop."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import zttp

from dragoman.server.http2 import Http2Protocol
from dragoman.server.protocol import HttpProtocol
from echo import echoing, tls_port
from http2_client import PREFACE, connected, frame

pytestmark = pytest.mark.realtime

IDLE_S = 0.5


class HastyHttp2(Http2Protocol):
    idle_timeout_s = IDLE_S
    stall_timeout_s = IDLE_S


class Hasty(HttpProtocol):
    head_timeout_s = IDLE_S
    http2 = HastyHttp2


async def test_a_connection_without_a_stream_is_closed_whatever_else_comes(tmp_path: Path) -> None:
    async with echoing(tmp_path, protocol=Hasty) as ports, connected(ports.clear) as client:
        began = time.monotonic()

        async def ping() -> None:
            while not client.writer.transport.is_closing():
                client.writer.write(frame(6, 0, 0, bytes(8)))
                await asyncio.sleep(0.05)

        pinging = asyncio.create_task(ping(), name="pings")
        await client.closed()
        pinging.cancel()
        assert IDLE_S * 0.9 < time.monotonic() - began < 10 * IDLE_S


async def test_a_connection_that_says_nothing_after_the_handshake_is_closed(tmp_path: Path) -> None:
    with tls_port(tmp_path) as (port, trusting):
        trusting.set_alpn_protocols(["h2"])
        async with echoing(tmp_path, port, protocol=Hasty) as ports:
            reader, writer = await asyncio.open_connection("127.0.0.1", ports.tls, ssl=trusting)
            await asyncio.wait_for(reader.read(), 10 * IDLE_S)
            writer.close()


async def test_a_connection_with_a_silent_stream_stays(tmp_path: Path) -> None:
    async with echoing(tmp_path, protocol=Hasty) as ports, connected(ports.clear) as client:
        stream = client.request("/")
        assert await client.status(stream) == 200
        await asyncio.sleep(3 * IDLE_S)
        client.send(stream, b"late", end=True)
        assert await client.rest(stream) == b"lateend"
        began = time.monotonic()
        await client.closed()
        assert time.monotonic() - began < 10 * IDLE_S


@pytest.mark.parametrize("secure", [False, True])
async def test_a_client_that_does_not_read_is_left_with_all_its_streams(tmp_path: Path, secure: bool) -> None:
    with tls_port(tmp_path) as (port, trusting):
        trusting.set_alpn_protocols(["h2"])
        async with (
            echoing(tmp_path, port, protocol=Hasty) as ports,
            connected(*((ports.tls, trusting) if secure else (ports.clear, None))) as client,
        ):
            client.writer.write(frame(4, 0, 0, (4).to_bytes(2) + (1 << 30).to_bytes(4)))
            client.writer.write(frame(8, 0, 0, (1 << 30).to_bytes(4)))
            client.request("/flood")
            client.request("/")
            async with asyncio.timeout(20 * IDLE_S):
                while ports.app.flooded < 1:
                    await asyncio.sleep(0.05)
                while ports.app.running or ports.server.server_state.connections:
                    await asyncio.sleep(0.05)
            assert ports.app.flooded < 50


async def test_a_preface_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    async with echoing(tmp_path, protocol=Hasty) as ports:
        reader, writer = await asyncio.open_connection("127.0.0.1", ports.clear)
        writer.write(PREFACE[:-1])
        await asyncio.wait_for(reader.read(), 10 * IDLE_S)
        writer.close()


async def test_a_stopping_server_lets_streams_end_and_takes_no_more(tmp_path: Path) -> None:
    with tls_port(tmp_path) as (port, trusting):
        trusting.set_alpn_protocols(["h2"])
        async with (
            echoing(tmp_path, port) as ports,
            connected(ports.clear) as clear,
            connected(ports.tls, trusting) as secure,
            connected(ports.tls, trusting) as idle,
        ):
            streams = [(client, client.request("/")) for client in (clear, secure)]
            for client, stream in streams:
                assert await client.status(stream) == 200
            await idle.next(zttp.Settings)
            ports.server.should_exit = True
            await idle.closed()
            for number in (ports.clear, ports.tls):
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection("127.0.0.1", number)
            for client, stream in streams:
                late = client.request("/")
                assert await client.status(late) == 503
                client.send(stream, b"last", end=True)
                assert await client.rest(stream) == b"lastend"
                await client.closed()


async def test_a_stream_that_does_not_end_in_time_is_ended(tmp_path: Path) -> None:
    with tls_port(tmp_path) as (port, trusting):
        trusting.set_alpn_protocols(["h2"])
        async with echoing(tmp_path, port, drain_timeout_s=1) as ports, connected(ports.tls, trusting) as client:
            stream = client.request("/")
            assert await client.status(stream) == 200
            began = time.monotonic()
            ports.server.should_exit = True
            assert (await client.next(zttp.RstStream, stream)).error_code == zttp.H2ErrorCode.CANCEL
            assert 0.9 < time.monotonic() - began < 4
        assert not ports.app.running
