"""The time-outs of Phonexia's live streams, as the settings have them."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from dragoman.core.events import Final
from dragoman.server.settings import Settings
from scripted import ScriptedPool, application, serving, spoken

pytestmark = pytest.mark.realtime

SECOND = bytes(16_000)


async def test_a_stream_over_http_lasts_as_long_as_audio_comes(tmp_path: Path) -> None:
    pool = ScriptedPool(stream_steps=[5_000, Final(spoken("one two"))])
    settings = Settings(spool_dir=tmp_path, phonexia_stream_timeout_s=1, phonexia_results_kept_s=1)
    async with serving(application(settings, pool), settings) as url, httpx.AsyncClient() as client:
        streams = f"{url}/api/v1/stt/stream"
        stream = f"{streams}/{(await client.post(streams)).json()['result']['stream_id']}"
        for _ in range(5):
            await asyncio.sleep(0.5)
            assert (await client.put(stream, content=SECOND[:1_600])).status_code == 200
        assert (await client.get(stream)).json()["result"]["is_last"] is False
        await asyncio.sleep(1.3)
        last = (await client.get(stream)).json()["result"]
        assert (last["is_last"], last["transcription"][0]["text"]) == (True, "one two")
        late = await client.put(stream, content=SECOND)
        assert late.status_code == 422
        assert "No audio came for 1 second" in late.json()["result"]["message"]
        await asyncio.sleep(1.2)
        assert (await client.get(stream)).status_code == 404


async def test_a_request_that_stops_sending_is_told(tmp_path: Path) -> None:
    settings = Settings(spool_dir=tmp_path, phonexia_stream_timeout_s=1)

    async with serving(application(settings, ScriptedPool()), settings) as url, httpx.AsyncClient() as client:
        streams = f"{url}/api/v1/stt/stream"
        stream = f"{streams}/{(await client.post(streams)).json()['result']['stream_id']}"
        started = time.monotonic()
        reading, writing = await asyncio.open_connection(*url.removeprefix("http://").split(":"))
        head = f"PUT {stream.removeprefix(url)} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n"
        writing.write(head.encode() + b"3e80\r\n" + SECOND + b"\r\n")
        assert (await reading.readuntil(b"\r\n")).split()[1] == b"422"
        assert 0.9 < time.monotonic() - started < 3
        writing.close()


async def test_a_socket_lasts_as_long_as_audio_comes(tmp_path: Path) -> None:
    pool = ScriptedPool(stream_steps=[5_000, Final(spoken("one two"))])
    settings = Settings(spool_dir=tmp_path, phonexia_stream_timeout_s=1)
    async with serving(application(settings, pool), settings) as url:
        started = time.monotonic()
        async with connect(f"{url.replace('http', 'ws')}/api/v1/websocket/stt") as socket:
            for _ in range(4):
                await socket.send(SECOND[:1_600])
                await asyncio.sleep(0.5)
            said = []
            with suppress(ConnectionClosed):
                while True:
                    said.append(json.loads(await socket.recv()))
        assert 2.2 < time.monotonic() - started < 5
    assert [message["status"] for message in said] == ["connected", "result", "error"]
    assert said[1]["result"]["is_last"]
    assert "No audio came for 1 second" in said[2]["error"]
    assert socket.close_code == 1008
