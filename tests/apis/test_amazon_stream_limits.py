"""What Amazon's streams are told when there is no room, no time, or no server for them any more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from starlette.routing import Router

from asgi_duplex import AsgiDuplex, requesting
from asgi_socket import AsgiSocket, connected
from dragoman.apis.amazon_transcribe.errors import say
from dragoman.apis.amazon_transcribe.routes import Operations
from dragoman.codecs.eventstream import Message, decode, encode
from dragoman.core.errors import AudioTooLong, DragomanError, NoFreeInstance, QuotaExceeded, Unavailable, WorkerLost
from dragoman.core.events import Final
from dragoman.server.app import Application
from dragoman.server.jobs import build_jobs, build_rate
from dragoman.server.settings import Settings
from dragoman.server.vocabularies import build_vocabularies
from dragoman.server.word_lists import build_database, build_word_lists
from dragoman.service.auth import Authenticator
from dragoman.transport.base import Services
from dragoman.transport.http import Front
from dragoman.transport.multipart import UploadLimits, Uploads
from dragoman.transport.spool import Spool
from scripted import ScriptedPool, StreamStep, application, recogniser, spoken

pytestmark = pytest.mark.unit

NEEDED = {"language-code": "en-US", "media-encoding": "pcm", "sample-rate": "8000"}
HEADERS = {":message-type": "event", ":event-type": "AudioEvent", ":content-type": "application/octet-stream"}
SECOND = encode(Message(HEADERS, bytes(16_000)))
END = encode(Message({}))


@asynccontextmanager
async def server(
    folder: Path, steps: list[StreamStep] | None = None, **settings: Any
) -> AsyncIterator[tuple[Application, ScriptedPool]]:
    pool = ScriptedPool(stream_steps=[] if steps is None else steps)
    app = application(Settings(spool_dir=folder, state_dir=folder, **settings), pool)
    async with app.lifespan(None):
        yield app, pool


def over_http(**options: str) -> AsgiDuplex:
    asked = NEEDED | {name.replace("_", "-"): value for name, value in options.items()}
    return AsgiDuplex("/stream-transcription", {f"x-amzn-transcribe-{name}": value for name, value in asked.items()})


def over_websocket() -> AsgiSocket:
    return AsgiSocket(f"/stream-transcription-websocket?{urlencode(NEEDED)}")


async def refusal(request: AsgiDuplex) -> tuple[int, str]:
    """The status of a reply, and the exception that it has twice."""
    request.end()
    status = await request.status()
    name: str = json.loads(await request.hear())["__type"]
    assert request.headers["x-amzn-errortype"] == name
    return status, name


def said(frame: bytes) -> tuple[str, dict[str, Any]]:
    """The kind of a message, and what is in it."""
    message = decode(frame)
    kind = message.headers.get(":exception-type") or message.headers[":event-type"]
    return str(kind), json.loads(message.payload)


async def test_encoding_and_channels_reach_the_recogniser(tmp_path: Path) -> None:
    options = {"media_encoding": "flac", "enable_channel_identification": "true", "number_of_channels": "2"}
    said_twice: list[StreamStep] = [Final(spoken("Left.", 0, channel=0)), Final(spoken("Right.", 1, channel=1))]
    async with server(tmp_path, said_twice) as (app, pool), requesting(app, over_http(**options)) as request:
        await request.status()
        assert (pool.streams[0].encoding, pool.streams[0].channels) == ("flac", 2)
        request.end()
        results = [said(await request.hear())[1]["Transcript"]["Results"][0] for _ in range(2)]
        assert [result["ChannelId"] for result in results] == ["ch_0", "ch_1"]


async def test_two_channels_need_two_instances(tmp_path: Path) -> None:
    options = {"enable_channel_identification": "true", "number_of_channels": "2"}
    async with server(tmp_path, max_concurrent_streams=1) as (app, _), requesting(app, over_http(**options)) as request:
        assert await refusal(request) == (429, "LimitExceededException")


async def test_without_a_free_instance_a_limit_is_exceeded(tmp_path: Path) -> None:
    async with server(tmp_path, max_concurrent_streams=1) as (app, _), requesting(app, over_http()) as first:
        assert await first.status() == 200
        async with requesting(app, over_http()) as second:
            assert await refusal(second) == (429, "LimitExceededException")
        async with connected(app, over_websocket()) as socket:
            await socket.next()
            assert said((await socket.next())["bytes"])[0] == "LimitExceededException"
            assert await socket.closed() == 1013


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (NoFreeInstance(), 429, "LimitExceededException"),
        (QuotaExceeded(), 429, "LimitExceededException"),
        (Unavailable(), 503, "ServiceUnavailableException"),
        (WorkerLost(), 500, "InternalFailureException"),
        (ZeroDivisionError(), 500, "InternalFailureException"),
    ],
)
async def test_what_keeps_a_stream_from_opening_is_a_reply(
    tmp_path: Path, error: Exception, status: int, name: str
) -> None:
    async with server(tmp_path) as (app, pool), requesting(app, over_http()) as request:
        pool.stream_error = error
        assert await refusal(request) == (status, name)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (AudioTooLong(), "LimitExceededException"),
        (QuotaExceeded(), "LimitExceededException"),
        (Unavailable(), "ServiceUnavailableException"),
        (WorkerLost(), "InternalFailureException"),
    ],
)
async def test_what_ends_a_stream_comes_after_what_was_recognised(
    tmp_path: Path, error: DragomanError, name: str
) -> None:
    steps: list[StreamStep] = [1_000, Final(spoken("Hello.")), error]
    async with server(tmp_path, steps) as (app, _), requesting(app, over_http()) as request:
        await request.status()
        request.say(SECOND)
        assert said(await request.hear())[0] == "TranscriptEvent"
        assert said(await request.hear())[0] == name
        assert await request.hear() == b""


async def test_a_server_that_starts_is_not_available(tmp_path: Path) -> None:
    pool = ScriptedPool()
    pool.start_gate = asyncio.Event()
    app = application(Settings(spool_dir=tmp_path, state_dir=tmp_path, startup_wait_s=1), pool)
    async with app.lifespan(None):
        async with requesting(app, over_http()) as request:
            assert await refusal(request) == (503, "ServiceUnavailableException")
        pool.start_gate.set()


async def test_a_server_that_stops_says_so_after_what_was_recognised(tmp_path: Path) -> None:
    steps: list[StreamStep] = [5_000, Final(spoken("Hello."))]
    async with AsyncExitStack() as stack:
        app, pool = await stack.enter_async_context(server(tmp_path, steps))
        request = await stack.enter_async_context(requesting(app, over_http()))
        socket = await stack.enter_async_context(connected(app, over_websocket()))
        await request.status()
        await socket.next()
        request.say(SECOND)
        socket.say(SECOND)
        while sum(len(stream.received) > 0 for stream in pool.streams) < 2:
            await asyncio.sleep(0.01)
        draining = asyncio.create_task(app.lifespan.drain())
        assert [said(await request.hear())[0] for _ in range(2)] == ["TranscriptEvent", "ServiceUnavailableException"]
        assert [said((await socket.next())["bytes"])[0] for _ in range(2)] == [
            "TranscriptEvent",
            "ServiceUnavailableException",
        ]
        assert await socket.closed() == 1013
        await draining
        assert await request.hear() == b""
        async with requesting(app, over_http()) as late:
            assert await refusal(late) == (503, "ServiceUnavailableException")


async def test_of_a_session_the_newest_stream_lives_over_whatever_it_comes(tmp_path: Path) -> None:
    session = str(uuid4())
    async with server(tmp_path) as (app, _), requesting(app, over_http(session_id=session)) as first:
        await first.status()
        query = urlencode(NEEDED | {"session-id": session})
        async with connected(app, AsgiSocket(f"/stream-transcription-websocket?{query}")) as second:
            kind, body = said(await first.hear())
            assert kind == "ConflictException"
            assert body["Message"]
            assert await first.hear() == b""
            accepted = await second.next()
            assert dict(accepted["headers"])[b"x-amzn-transcribe-session-id"].decode() == session
            second.say(END)
            assert await second.closed() == 1000


async def test_silence_ends_a_stream_in_the_services_words(tmp_path: Path) -> None:
    pool = ScriptedPool(stream_steps=[5_000, Final(spoken("Hello."))])
    settings = Settings(spool_dir=tmp_path, state_dir=tmp_path)
    recognition, vocabularies = recogniser(settings, pool), build_vocabularies(settings)

    async def started() -> None:
        pass

    database = build_database(settings)
    jobs = build_jobs(settings, database, recognition).jobs
    uploads = Uploads(Spool(tmp_path), UploadLimits(max_body_bytes=1, idle_timeout_s=1))
    services = Services(
        recognition,
        vocabularies,
        Authenticator(None),
        uploads,
        build_word_lists(settings, database, vocabularies),
        started,
        jobs,
        uploads,
        build_rate(settings),
    )
    app = Front(Router(Operations(services, silence_s=0.05).routes()), lambda path: say, stall_timeout_s=1)
    await recognition.start()
    async with requesting(app, over_http()) as request:
        await request.status()
        request.say(SECOND)
        assert said(await request.hear())[0] == "TranscriptEvent"
        message = "Your request timed out because no new audio was received for 15 seconds."
        assert said(await request.hear()) == ("BadRequestException", {"Message": message})
        assert await request.hear() == b""
    await recognition.aclose()


async def test_without_an_upgrade_the_websocket_says_what_it_is(tmp_path: Path) -> None:
    async with server(tmp_path) as (app, _):
        request = AsgiDuplex("/stream-transcription-websocket")
        request.scope["method"] = "GET"
        async with requesting(app, request):
            assert await refusal(request) == (400, "BadRequestException")
