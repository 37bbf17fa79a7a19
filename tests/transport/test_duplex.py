"""The pump of live streams in a request, with a dialect of the simplest words; and sessions of any pump."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection

from asgi_duplex import AsgiDuplex, requesting
from dragoman.core.errors import Conflict, DragomanError, InvalidRequest, QuotaExceeded
from dragoman.core.events import Final, Finished, Partial, SpeechEvent
from dragoman.core.request import RecognitionRequest, Vocabulary
from dragoman.server.jobs import build_jobs, build_rate
from dragoman.server.settings import Settings
from dragoman.server.vocabularies import build_vocabularies
from dragoman.server.word_lists import build_database, build_word_lists
from dragoman.service.auth import Authenticator
from dragoman.service.limits import Admission, Quota
from dragoman.service.recognition import Recognition
from dragoman.service.vocabulary import CheckedVocabulary
from dragoman.transport.base import Audio, Command, Finish, Frame, Opening, Reply, Services, json_reply
from dragoman.transport.conversation import Reception, Sessions
from dragoman.transport.duplex import Duplex
from dragoman.transport.http import Front
from dragoman.transport.multipart import UploadLimits, Uploads
from dragoman.transport.spool import Spool
from scripted import ScriptedPool, StreamStep, spoken

pytestmark = pytest.mark.unit

SECOND = bytes(16_000)


class Plain:
    """Says each new text; ``end`` and the end of the body are the end, other pieces are audio."""

    def __init__(self, connection: HTTPConnection) -> None:
        if "wrong" in connection.query_params:
            raise InvalidRequest("wrong")
        self.opening = Opening(
            RecognitionRequest(), 8_000, "alice", (("x-plain", "yes"),), connection.query_params.get("session")
        )
        self._news: list[bytes] = []
        self._has_ended = False

    def receive(self, frame: Frame) -> Iterable[Command]:
        assert isinstance(frame, bytes)
        if frame == b"crash":
            raise ZeroDivisionError("details")
        if frame not in (b"", b"end"):
            return [Audio(frame)]
        has_ended, self._has_ended = self._has_ended, True
        return [] if has_ended else [Finish()]

    def preferred(self, checked: CheckedVocabulary) -> Vocabulary:
        return checked.accepted

    def deliver(self, event: SpeechEvent) -> None:
        match event:
            case Partial(segment) | Final(segment):
                self._news.append(segment.text.encode())
            case Finished():
                self._news.append(b".")

    def frames(self) -> Iterable[Frame]:
        news, self._news = self._news, []
        return news


def fail(error: DragomanError) -> Iterable[Frame]:
    return [f"error {error.code}".encode()]


def vendor(error: DragomanError) -> Reply:
    return json_reply({"vendor": error.code}, 418)


class Server:
    def __init__(self, folder: Path, pool: ScriptedPool, silence_s: float) -> None:
        self.pool = pool
        self.recognition = Recognition(pool, Admission(1), Quota({}), nullcontext(folder))
        settings = Settings()
        vocabularies = build_vocabularies(settings)
        database = build_database(settings)
        jobs = build_jobs(settings, database, self.recognition).jobs
        uploads = Uploads(Spool(folder), UploadLimits(max_body_bytes=1, idle_timeout_s=1))
        services = Services(
            self.recognition,
            vocabularies,
            Authenticator(None),
            uploads,
            build_word_lists(settings, database, vocabularies),
            self._started,
            jobs,
            uploads,
            build_rate(settings),
        )

        async def make(connection: HTTPConnection) -> Plain:
            return Plain(connection)

        route = Duplex(Reception(services, make, fail, silence_s=silence_s), "application/plain")
        self.front = Front(route, lambda path: vendor, stall_timeout_s=0.05)

    async def _started(self) -> None:
        pass


@asynccontextmanager
async def running(
    folder: Path, steps: Iterable[StreamStep] = (), *, silence_s: float = 5, streams: int = 4
) -> AsyncIterator[Server]:
    server = Server(folder, ScriptedPool(stream_steps=steps), silence_s)
    server.pool.stream_capacity = streams
    await server.recognition.start()
    try:
        yield server
        async with asyncio.timeout(5):
            for _ in server.pool.streams:
                await server.pool.streams_left.acquire()  # nothing holds an instance
        assert server.recognition.stream_instances().busy == 0
    finally:
        await server.recognition.aclose()


async def test_the_reply_begins_before_any_audio(tmp_path: Path) -> None:
    async with running(tmp_path) as server, requesting(server.front, AsgiDuplex("/")) as request:
        assert await request.status() == 200
        assert request.headers["content-type"] == "application/plain"
        assert request.headers["x-plain"] == "yes"
        assert request.headers["x-request-id"]


async def test_audio_goes_in_while_results_come_out(tmp_path: Path) -> None:
    steps = [1_000, Partial(spoken("one")), 2_000, Final(spoken("one two"))]
    async with running(tmp_path, steps) as server, requesting(server.front, AsgiDuplex("/")) as request:
        await request.status()
        request.say(SECOND)
        assert await request.hear() == b"one"
        request.say(b"")
        request.say(SECOND)
        assert await request.hear() == b"one two"
        request.end()
        assert await request.hear() == b"."
        assert await request.hear() == b""
        assert bytes(server.pool.streams[0].received) == 2 * SECOND


async def test_audio_with_the_end_of_the_body_is_heard(tmp_path: Path) -> None:
    async with running(tmp_path) as server, requesting(server.front, AsgiDuplex("/")) as request:
        await request.status()
        request.end(SECOND)
        assert await request.hear() == b"."
        assert bytes(server.pool.streams[0].received) == SECOND


async def test_the_reply_does_not_end_before_the_body(tmp_path: Path) -> None:
    async with running(tmp_path) as server, requesting(server.front, AsgiDuplex("/")) as request:
        await request.status()
        request.say(b"end")
        assert await request.hear() == b"."
        ending = asyncio.create_task(request.hear())
        done, _ = await asyncio.wait([ending], timeout=0.05)
        assert not done
        request.end()
        assert await ending == b""


async def test_what_is_wrong_at_first_is_a_reply(tmp_path: Path) -> None:
    async with running(tmp_path) as server, requesting(server.front, AsgiDuplex("/?wrong=1")) as request:
        request.end()
        assert await request.status() == 418
        assert b"invalid_request" in await request.hear()


async def test_without_a_free_instance_there_is_a_reply(tmp_path: Path) -> None:
    async with running(tmp_path, streams=1) as server, requesting(server.front, AsgiDuplex("/")) as first:
        await first.status()
        async with requesting(server.front, AsgiDuplex("/")) as second:
            second.end()
            assert await second.status() == 418
            assert b"no_free_instance" in await second.hear()


@pytest.mark.parametrize(
    ("steps", "said", "heard"),
    [
        ([], [b"crash"], [b"error internal_error"]),
        ([1_000, Final(spoken("one")), QuotaExceeded()], [SECOND], [b"one", b"error quota_exceeded"]),
    ],
)
async def test_what_goes_wrong_later_is_said_in_the_vendors_words(
    tmp_path: Path, steps: list[StreamStep], said: list[bytes], heard: list[bytes]
) -> None:
    async with running(tmp_path, steps) as server, requesting(server.front, AsgiDuplex("/")) as request:
        assert await request.status() == 200
        for piece in said:
            request.say(piece)
        request.end()
        assert [await request.hear() for _ in heard] == heard
        assert await request.hear() == b""


async def test_a_client_that_leaves_frees_its_instance(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        async with requesting(server.front, AsgiDuplex("/")) as request:
            await request.status()
            request.say(SECOND)
        assert server.recognition.stream_instances().busy == 0
        assert server.pool.streams[0].closed
        assert len(request.sent) == 1


async def test_a_silent_client_is_told_after_what_was_recognised(tmp_path: Path) -> None:
    steps = [5_000, Final(spoken("one"))]
    async with (
        running(tmp_path, steps, silence_s=0.05) as server,
        requesting(server.front, AsgiDuplex("/")) as request,
    ):
        await request.status()
        request.say(SECOND)
        assert [await request.hear() for _ in range(3)] == [b"one", b".", b"error incomplete_upload"]


async def test_a_server_that_stops_says_so_after_what_was_recognised(tmp_path: Path) -> None:
    steps = [5_000, Final(spoken("one"))]
    async with running(tmp_path, steps) as server, requesting(server.front, AsgiDuplex("/")) as request:
        await request.status()
        request.say(SECOND)
        while not server.pool.streams[0].received:
            await asyncio.sleep(0)
        server.recognition.drain()
        assert [await request.hear() for _ in range(3)] == [b"one", b".", b"error unavailable"]
        request.end()
        await server.recognition.drained()


async def test_of_a_session_the_newest_stream_lives(tmp_path: Path) -> None:
    """Also where there is an instance for one of them only."""
    steps = [5_000, Final(spoken("one"))]
    async with (
        running(tmp_path, steps, streams=1) as server,
        requesting(server.front, AsgiDuplex("/?session=s")) as first,
    ):
        await first.status()
        async with requesting(server.front, AsgiDuplex("/?session=s")) as second:
            assert await first.hear() == b"error conflict"
            first.end()
            assert await second.status() == 200
            second.end()
            assert [await second.hear() for _ in range(3)] == [b"one", b".", b""]
        assert await first.hear() == b""


async def test_other_sessions_are_left_alone(tmp_path: Path) -> None:
    async with running(tmp_path) as server, requesting(server.front, AsgiDuplex("/?session=s")) as first:
        await first.status()
        for path in ("/", "/?session=t"):
            async with requesting(server.front, AsgiDuplex(path)) as other:
                await other.status()
                other.end()
                assert await other.hear() == b"."
        first.end()
        assert await first.hear() == b"."


async def test_a_session_that_is_over_is_forgotten() -> None:
    sessions = Sessions()
    ended: list[str] = []
    with sessions.hold("name", lambda error: ended.append("first")):
        with sessions.hold("name", lambda error: ended.append("second")):
            assert ended == ["first"]
        await sessions.take_over("name")
    assert ended == ["first"]


async def test_a_session_is_waited_for_only_so_long() -> None:
    sessions = Sessions()
    errors: list[DragomanError] = []
    with sessions.hold("name", errors.append):
        async with asyncio.timeout(3):
            await sessions.take_over("name")
    assert [type(error) for error in errors] == [Conflict]
