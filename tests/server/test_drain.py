"""What takes its time from the clock: stopping with requests running, uploads that stop arriving."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from dragoman.core.events import Final
from dragoman.core.request import RecognitionRequest
from dragoman.server.app import build_app
from dragoman.server.protocol import HttpProtocol
from dragoman.server.settings import Settings
from scripted import TRANSCRIPT, ScriptedPool, application, recogniser, script, serving

pytestmark = pytest.mark.realtime

FILE = {"file": ("speech.wav", b"audio")}
RECOGNITIONS = [("/voice/stt", {}), ("/api/v1/stt/file", {}), ("/v1/audio/transcriptions", {"model": "whisper-1"})]


async def test_a_stopping_server_finishes_what_it_has_begun_and_takes_no_more(tmp_path: Path) -> None:
    gate = asyncio.Event()
    pool = ScriptedPool([*script(TRANSCRIPT)[:1], gate, *script(TRANSCRIPT)[1:]])
    settings = Settings(spool_dir=tmp_path)

    async def open_the_gate_when_the_door_is_closed(url: str) -> None:
        async with asyncio.timeout(5):
            while True:
                try:
                    await client.get(f"{url}/healthz", headers={"connection": "close"})
                except httpx.TransportError:
                    break
        gate.set()

    async with httpx.AsyncClient(timeout=10) as client:
        async with serving(application(settings, pool), settings) as url:
            running = [
                asyncio.create_task(client.post(url + path, data=data, files=FILE)) for path, data in RECOGNITIONS
            ]
            for _ in running:
                await pool.entered.acquire()
            watching = asyncio.create_task(open_the_gate_when_the_door_is_closed(url))
        await watching
        assert [reply.status_code for reply in await asyncio.gather(*running)] == [200, 200, 200]
    assert list(tmp_path.iterdir()) == []


async def test_a_stopping_server_first_ends_live_streams_and_can_still_be_asked_for_their_words(tmp_path: Path) -> None:
    settings = Settings(spool_dir=tmp_path)
    pool = ScriptedPool()
    recognition = recogniser(settings, pool)
    words: list[str] = []
    answers: list[int] = []

    async def live(url: str) -> None:
        with recognition.live(RecognitionRequest(), 8_000) as stream:
            await stream.send(bytes(16_000))
            opened.set()
            words.extend([event.segment.text async for event in stream.events() if isinstance(event, Final)])
            async with httpx.AsyncClient() as late:
                answers.extend([(await late.get(f"{url}{path}")).status_code for path in ("/healthz", "/readyz")])

    opened = asyncio.Event()
    async with serving(build_app(settings, recognition), settings) as url:
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{url}/readyz")).status_code == 200
        running = asyncio.create_task(live(url))
        await opened.wait()
    await running
    assert words == [segment.text for segment in TRANSCRIPT.segments]
    assert answers == [200, 503]
    assert pool.streams[0].closed


async def test_live_streams_that_do_not_end_in_time_are_left(tmp_path: Path) -> None:
    settings = Settings(spool_dir=tmp_path, drain_timeout_s=1)
    recognition = recogniser(settings, ScriptedPool())
    async with serving(build_app(settings, recognition), settings) as url, httpx.AsyncClient() as client:
        assert (await client.get(f"{url}/readyz")).status_code == 200
        stream = recognition.live(RecognitionRequest(), 8_000)
        stream.__enter__()
        began = time.monotonic()
    assert 0.9 < time.monotonic() - began < 4
    stream.__exit__(None, None, None)


async def test_what_does_not_end_in_time_is_told_so(tmp_path: Path) -> None:
    pool = ScriptedPool([*script(TRANSCRIPT)[:1], asyncio.Event()])
    settings = Settings(spool_dir=tmp_path, drain_timeout_s=1)
    async with httpx.AsyncClient(timeout=10) as client:
        async with serving(application(settings, pool), settings) as url:
            running = [
                asyncio.create_task(client.post(url + path, data=data, files=FILE)) for path, data in RECOGNITIONS
            ]
            for _ in running:
                await pool.entered.acquire()
        replies = await asyncio.gather(*running)
    assert [reply.status_code for reply in replies] == [503, 503, 503]
    assert all("stopping" in reply.text for reply in replies)
    assert pool.cancelled == 3


class Hasty(HttpProtocol):
    head_timeout_s = 0.1


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nx: ", b"GET /healthz HTTP/1.1\r\n\r\nGET /"])
async def test_a_connection_that_sends_no_whole_request_is_closed(tmp_path: Path, sent: bytes) -> None:
    settings = Settings(spool_dir=tmp_path)
    app = application(settings, ScriptedPool())
    async with serving(app, settings, protocol=Hasty) as url:
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        writer.write(sent)
        reply = await asyncio.wait_for(reader.read(), timeout=2)
        writer.close()
    assert (b"did not arrive in time" in reply) is bool(sent)


async def test_an_upload_that_stops_arriving_is_told_so(tmp_path: Path) -> None:
    settings = Settings(spool_dir=tmp_path, upload_idle_timeout_s=1)
    async with serving(application(settings, ScriptedPool()), settings) as url:
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        writer.write(
            b"POST /api/v1/stt/file HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n"
            b"content-type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
        )
        started = time.monotonic()
        reply = await reader.readuntil(b"}}")
        writer.close()
    assert reply.startswith(b"HTTP/1.1 422 ")
    assert 0.9 < time.monotonic() - started < 4
