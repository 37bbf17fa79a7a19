"""Phonexia's streams over HTTP: what lives between the requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from dragoman.apis.phonexia_v1.http_streams import HttpStreams
from dragoman.apis.phonexia_v1.stream_result import StreamResult
from dragoman.core.errors import InvalidRequest, NotFound, WorkerLost
from dragoman.core.events import Final, Partial
from dragoman.core.request import RecognitionRequest
from dragoman.server.settings import Settings
from scripted import ScriptedPool, ScriptedStream, application, client, spoken

pytestmark = pytest.mark.unit

STREAMS = "/api/v1/stt/stream"
SECOND = bytes(16_000)


class Body:
    """A body that is sent piece by piece, as a test wants it."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self.taken = 0

    def send(self, piece: bytes) -> None:
        self._pieces.put_nowait(piece)

    def end(self) -> None:
        self._pieces.put_nowait(b"")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._pieces.get():
            self.taken += 1
            yield piece


class Client:
    """One client with one stream."""

    def __init__(self, http: httpx.AsyncClient, pool: ScriptedPool, stream_id: str) -> None:
        self.http = http
        self.pool = pool
        self.path = f"{STREAMS}/{stream_id}"

    @property
    def heard(self) -> ScriptedStream:
        return self.pool.streams[0]

    async def put(self, content: bytes | Body) -> httpx.Response:
        return await self.http.put(self.path, content=content)

    async def result(self) -> dict[str, Any]:
        reply = await self.http.get(self.path)
        assert reply.status_code == 200, reply.text
        result: dict[str, Any] = reply.json()["result"]
        return result


@asynccontextmanager
async def opened(folder: Path, *steps: Any, **settings: Any) -> AsyncIterator[Client]:
    pool = ScriptedPool(stream_steps=steps)
    async with client(application(Settings(spool_dir=folder, **settings), pool)) as http:
        reply = await http.post(STREAMS)
        assert reply.status_code == 200, reply.text
        yield Client(http, pool, reply.json()["result"]["stream_id"])


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_requests_after_each_other_continue_the_stream(tmp_path: Path) -> None:
    async with opened(tmp_path, 1_500, Final(spoken("one two"))) as stream:
        assert (await stream.put(SECOND)).status_code == 200
        assert (await stream.result())["transcription"][0]["text"] == ""
        assert (await stream.put(SECOND)).status_code == 200
        result = await stream.result()
        assert (result["transcription"][0]["text"], result["is_last"]) == ("one two", False)


async def test_audio_is_heard_as_it_arrives(tmp_path: Path) -> None:
    body = Body()
    async with opened(tmp_path, 1_000, Partial(spoken("one"))) as stream:
        sending = asyncio.create_task(stream.put(body))
        body.send(SECOND)
        async with asyncio.timeout(5):
            while (await stream.result())["transcription"][0]["text"] != "one":
                await asyncio.sleep(0)
        body.end()
        assert (await sending).status_code == 200


async def test_a_request_that_ends_in_half_a_sample_does_not_shift_the_next(tmp_path: Path) -> None:
    async with opened(tmp_path) as stream:
        body = Body()
        for piece in (b"\1", b"\2\3\4\5", b"\6\7"):
            body.send(piece)
        body.end()
        await stream.put(body)
        await stream.put(b"ab")
        assert stream.heard.received == b"\1\2\3\4\5\6ab"


async def test_only_one_request_at_a_time_is_heard(tmp_path: Path) -> None:
    body = Body()
    async with opened(tmp_path) as stream:
        sending = asyncio.create_task(stream.put(body))
        body.send(b"aa")
        await until(lambda: stream.heard.received)
        refused = await stream.put(b"bb")
        assert (refused.status_code, refused.json()["result"]["name"]) == (422, "CloudErrorResult")
        body.send(b"cc")
        body.end()
        assert (await sending).status_code == 200
        assert (await stream.put(b"dd")).status_code == 200
        assert stream.heard.received == b"aaccdd"


async def test_a_fast_sender_is_slowed_down(tmp_path: Path) -> None:
    body = Body()
    async with opened(tmp_path) as stream:
        stream.pool.stream_gate = asyncio.Event()
        sending = asyncio.create_task(stream.put(body))
        for _ in range(50):
            body.send(SECOND)
        for _ in range(100):
            await asyncio.sleep(0)
        assert body.taken < 5
        stream.pool.stream_gate.set()
        body.end()
        assert (await sending).status_code == 200
        assert len(stream.heard.received) == 50 * len(SECOND)


async def test_delete_recognises_what_was_sent_and_ends_the_request_that_sends(tmp_path: Path) -> None:
    body = Body()
    async with opened(tmp_path, 1_000, Partial(spoken("one")), 5_000, Final(spoken("one two"))) as stream:
        sending = asyncio.create_task(stream.put(body))
        body.send(SECOND)
        await until(lambda: stream.heard.received)
        assert (await stream.http.delete(stream.path)).status_code == 200
        assert (await sending).status_code == 422
        result = await stream.result()
        assert (result["transcription"][0]["text"], result["is_last"]) == ("one two", True)
        assert stream.heard.closed


async def test_what_ends_the_recognition_is_the_answer_to_everything_but_delete(tmp_path: Path) -> None:
    body = Body()
    async with opened(tmp_path, 1_000, WorkerLost("lost")) as stream:
        sending = asyncio.create_task(stream.put(body))
        body.send(SECOND)
        for reply in (await sending, await stream.put(SECOND), await stream.http.get(stream.path)):
            assert (reply.status_code, reply.json()["result"]["message"]) == (500, "lost")
        assert (await stream.http.delete(stream.path)).status_code == 200


async def test_an_instance_is_held_until_the_stream_ends(tmp_path: Path) -> None:
    async with opened(tmp_path, max_concurrent_streams=2) as stream:

        async def busy() -> tuple[int, int]:
            technologies = (await stream.http.get("/api/v1/technologies")).json()["result"]["technologies"]
            (model,) = technologies[1]["models"]
            return model["n_busy_instancies"], model["n_total_instancies"]

        await stream.put(SECOND)
        assert await busy() == (1, 2)
        await stream.http.delete(stream.path)
        assert await busy() == (0, 2)


async def test_a_stream_belongs_to_the_key_that_opened_it(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("alice secret-of-alice-0\nbob secret-of-bob-00000\n")
    keys.chmod(0o600)
    alice, bob = {"x-api-key": "secret-of-alice-0"}, {"authorization": "Bearer secret-of-bob-00000"}
    settings = Settings(spool_dir=tmp_path, keys_file=keys)
    async with client(application(settings, ScriptedPool(stream_steps=()))) as http:
        assert (await http.post(STREAMS)).status_code == 401
        stream_id = (await http.post(STREAMS, headers=alice)).json()["result"]["stream_id"]
        for method in ("GET", "PUT", "DELETE"):
            assert (await http.request(method, f"{STREAMS}/{stream_id}")).status_code == 401
            assert (await http.request(method, f"{STREAMS}/{stream_id}", headers=bob)).status_code == 404
        assert (await http.put(f"{STREAMS}/{stream_id}", headers=alice, content=SECOND)).status_code == 200


async def test_streams_end_with_the_server(tmp_path: Path) -> None:
    async with opened(tmp_path) as stream:
        await stream.put(SECOND)
    assert stream.heard.closed


async def registry(count: int, streams: HttpStreams, pool: ScriptedPool) -> list[str]:
    """Opens streams and ends them."""
    ids = [f"id{number}" for number in range(count)]
    for stream_id in ids:
        live = pool.open_stream(RecognitionRequest(), 8_000)
        resources = ExitStack()
        resources.callback(live.close)
        streams.open("alice", live, resources, StreamResult("model", "task", stream_id))
        await streams.find(stream_id, "alice").stop()
    return ids


def kept(streams: HttpStreams, ids: list[str]) -> list[str]:
    found = []
    for stream_id in ids:
        try:
            found.append(streams.find(stream_id, "alice"))
        except NotFound:
            continue
    return [stream.said().stream_id for stream in found]


async def test_of_streams_that_have_ended_only_so_many_are_kept() -> None:
    streams = HttpStreams(kept_s=60, silence_s=60, max_kept=3)
    ids = await registry(5, streams, ScriptedPool(stream_steps=()))
    assert kept(streams, ids) == ids[2:]
    await streams.aclose()


async def test_streams_that_have_ended_are_forgotten_in_time() -> None:
    streams = HttpStreams(kept_s=0.05, silence_s=60)
    ids = await registry(2, streams, ScriptedPool(stream_steps=()))
    assert kept(streams, ids) == ids
    async with asyncio.timeout(5):
        while kept(streams, ids):
            await asyncio.sleep(0.01)
    await streams.aclose()


@pytest.mark.parametrize("sent", [b"", SECOND])
async def test_silence_ends_a_stream_with_all_that_was_said(sent: bytes) -> None:
    pool = ScriptedPool(stream_steps=[5_000, Final(spoken("one two"))])
    streams = HttpStreams(kept_s=60, silence_s=0.03)
    live = pool.open_stream(RecognitionRequest(), 8_000)
    streams.open("alice", live, ExitStack(), StreamResult("model", "task", "id"))
    stream = streams.find("id", "alice")

    async def pieces() -> AsyncIterator[bytes]:
        if sent:
            yield sent

    await stream.feed(pieces(), lambda take: None)
    await asyncio.wait_for(stream.running, 5)
    assert stream.said().is_last
    assert live.received == sent
    with pytest.raises(InvalidRequest, match="No audio"):
        await stream.feed(pieces(), lambda take: None)
    await streams.aclose()
