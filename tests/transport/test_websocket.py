"""The pump of live streams: laws that hold for every dialect, with a dialect of the simplest words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from random import Random

import pytest
from starlette.requests import HTTPConnection

from asgi_socket import AsgiSocket, connected
from dragoman.core.errors import DragomanError, InternalError, InvalidRequest, QuotaExceeded
from dragoman.core.events import Final, Finished, Partial, SpeechEvent
from dragoman.core.request import Phrase, RecognitionRequest, Vocabulary
from dragoman.server.jobs import build_jobs, build_rate
from dragoman.server.settings import Settings
from dragoman.server.vocabularies import build_vocabularies
from dragoman.server.word_lists import build_database, build_word_lists
from dragoman.service.auth import Authenticator
from dragoman.service.limits import Admission, Quota
from dragoman.service.recognition import Recognition
from dragoman.service.vocabulary import CheckedVocabulary, Draft
from dragoman.transport.base import Audio, Command, Finish, Frame, Opening, Prefer, Reply, Services, json_reply
from dragoman.transport.conversation import Reception
from dragoman.transport.http import Front, identify
from dragoman.transport.multipart import UploadLimits, Uploads
from dragoman.transport.spool import Spool
from dragoman.transport.websocket import Socket
from scripted import ScriptedPool, ScriptedStream, StreamStep, spoken

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True, params=[False, True], ids=["received", "diverted"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two ways in which audio comes from a server."""
    monkeypatch.setattr(AsgiSocket, "diverts", request.param)


class Plain:
    """Says the newest text; ``like X`` is a phrase, ``end`` the end, bytes are audio."""

    def __init__(self, connection: HTTPConnection, key_id: str) -> None:
        if "wrong" in connection.query_params:
            raise InvalidRequest("wrong")
        self.opening = Opening(RecognitionRequest(), 8_000, key_id)
        self._finals: list[str] = []
        self._open = "hello"

    def receive(self, frame: Frame) -> Iterable[Command]:
        match frame:
            case b"crash":
                raise ZeroDivisionError("details")
            case bytes():
                return [Audio(frame)]
            case "end":
                return [Finish()]
            case "crash":
                raise ZeroDivisionError("details")
            case _ if frame.startswith("like "):
                return [Prefer(Draft((Phrase(frame.removeprefix("like ")),)))]
        raise InvalidRequest("what?")

    def preferred(self, checked: CheckedVocabulary) -> Vocabulary:
        return checked.accepted

    def deliver(self, event: SpeechEvent) -> None:
        match event:
            case Partial(segment):
                self._open = segment.text
            case Final(segment):
                self._finals.append(segment.text)
                self._open = ""
            case Finished():
                self._open = "."

    def frames(self) -> Iterable[Frame]:
        said, self._open = " ".join([*self._finals, self._open]).strip(), ""
        return [said] if said else []


def fail(error: DragomanError) -> Iterable[Frame]:
    return [f"error {error.code}"]


def vendor(error: DragomanError) -> Reply:
    return json_reply({"vendor": error.code}, 418)


class Server:
    """The front, the pump and a recognition over a scripted pool."""

    def __init__(self, folder: Path, pool: ScriptedPool, keys: dict[str, str] | None, silence_s: float) -> None:
        self.pool = pool
        self.recognition = Recognition(pool, Admission(1), Quota({}), nullcontext(folder))
        limits = UploadLimits(max_body_bytes=1, idle_timeout_s=1)
        settings = Settings()
        vocabularies = build_vocabularies(settings)
        database = build_database(settings)
        jobs = build_jobs(settings, database, self.recognition).jobs
        uploads = Uploads(Spool(folder), limits)
        services = Services(
            self.recognition,
            vocabularies,
            Authenticator(keys),
            uploads,
            build_word_lists(settings, database, vocabularies),
            self._started,
            jobs,
            uploads,
            build_rate(settings),
        )

        async def make(connection: HTTPConnection) -> Plain:
            return Plain(connection, identify(connection, services.authenticator).key_id)

        socket = Socket(Reception(services, make, fail, silence_s=silence_s))
        self.front = Front(socket, lambda path: vendor, stall_timeout_s=0.05)

    async def _started(self) -> None:
        pass

    @property
    def stream(self) -> ScriptedStream:
        return self.pool.streams[-1]


@asynccontextmanager
async def running(
    folder: Path,
    steps: Iterable[StreamStep] = (),
    *,
    keys: dict[str, str] | None = None,
    silence_s: float = 30,
) -> AsyncIterator[Server]:
    server = Server(folder, ScriptedPool(stream_steps=steps), keys, silence_s)
    await server.recognition.start()
    try:
        yield server
        assert server.recognition.stream_instances().busy == 0
        assert all(stream.closed for stream in server.pool.streams)
    finally:
        await server.recognition.aclose()


async def text(socket: AsgiSocket) -> str:
    message = await socket.next()
    assert message["type"] == "websocket.send", message
    said: str = message["text"]
    return said


async def settle() -> None:
    """Let every task do what it can."""
    for _ in range(20):
        await asyncio.sleep(0)


SECOND = bytes(16_000)


async def test_audio_arrives_in_order_and_results_come_back(tmp_path: Path) -> None:
    steps = [1_000, Partial(spoken("one")), 2_000, Final(spoken("one two"))]
    async with running(tmp_path, steps) as server, connected(server.front, AsgiSocket("/")) as socket:
        assert (await socket.next())["type"] == "websocket.accept"
        assert await text(socket) == "hello"
        pieces = [bytes([number]) * size for number, size in enumerate((1, 9_999, 6_001, 3, 15_996))]
        for piece in pieces[:3]:
            socket.say(piece)
        assert await text(socket) == "one"
        for piece in pieces[3:]:
            socket.say(piece)
        assert await text(socket) == "one two"
        socket.say("end")
        assert await text(socket) == "one two ."
        assert await socket.closed() == 1000
        assert server.stream.received == b"".join(pieces)


async def test_audio_keeps_its_order_however_far_behind_the_recogniser_is(tmp_path: Path) -> None:
    chance = Random(1)
    pieces = [chance.randbytes(chance.randrange(1, 20)) for _ in range(300)]
    async with running(tmp_path, []) as server, connected(server.front, AsgiSocket("/")) as socket:
        assert (await socket.next())["type"] == "websocket.accept"
        assert await text(socket) == "hello"
        gate = server.pool.stream_gate = asyncio.Event()
        for piece in pieces:
            socket.say(piece)
            if chance.random() < 0.3:
                gate.set() if chance.random() < 0.5 else gate.clear()
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        gate.set()
        socket.say("end")
        assert await text(socket) == "."
        assert server.stream.received == b"".join(pieces)


async def test_what_goes_wrong_with_audio_is_said_like_all_else(tmp_path: Path) -> None:
    async with running(tmp_path, []) as server, connected(server.front, AsgiSocket("/")) as socket:
        assert (await socket.next())["type"] == "websocket.accept"
        assert await text(socket) == "hello"
        socket.say(SECOND)
        socket.say(b"crash")
        assert await text(socket) == "error internal_error"
        assert await socket.closed() == 1011


async def test_a_vocabulary_is_checked_before_it_counts(tmp_path: Path) -> None:
    async with running(tmp_path) as server, connected(server.front, AsgiSocket("/")) as socket:
        socket.say("like two  words 🙂")
        socket.say(b"\0\0")
        socket.say("end")
        while (await socket.next())["type"] != "websocket.close":
            pass
        assert [phrase.text for phrase in server.stream.request.vocabulary.phrases] == ["two words"]


async def test_nothing_is_read_while_the_recogniser_is_behind(tmp_path: Path) -> None:
    async with running(tmp_path) as server, connected(server.front, AsgiSocket("/")) as socket:
        server.pool.stream_gate = asyncio.Event()
        for _ in range(10):
            socket.say(SECOND)
        await settle()
        assert socket.incoming.qsize() == 9
        server.pool.stream_gate.set()
        await settle()
        assert socket.incoming.empty()
        assert len(server.stream.received) == 10 * len(SECOND)


async def test_a_client_that_reads_slowly_gets_the_newest(tmp_path: Path) -> None:
    texts = [" ".join(["word"] * number) for number in range(1, 20)]
    steps: list[StreamStep] = [step for at, said in enumerate(texts) for step in (at + 1, Partial(spoken(said)))]
    async with running(tmp_path, steps) as server, connected(server.front, AsgiSocket("/")) as socket:
        await socket.next()
        await text(socket)
        socket.say(bytes(16))
        assert await text(socket) == texts[0]
        socket.reading.clear()
        for _ in texts[1:]:
            socket.say(bytes(16))
            await settle()
        socket.reading.set()
        said = [await text(socket), await text(socket)]
        assert said == [texts[1], texts[-1]]  # the first was on its way already


async def test_a_client_that_does_not_read_at_all_is_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path, [1, Partial(spoken("one"))]) as server:
        socket = AsgiSocket("/")
        serving = asyncio.create_task(server.front(socket.scope, socket.receive, socket.send))
        await socket.next()
        await text(socket)
        socket.reading.clear()
        socket.say(SECOND)
        with caplog.at_level(logging.INFO):
            await serving
        assert caplog.records[-1].__dict__["facts"]["status"] == 499


@pytest.mark.parametrize("said", [[], [SECOND], ["like this"], [SECOND, "end"]])
async def test_when_the_client_leaves_its_stream_ends(tmp_path: Path, said: list[str | bytes]) -> None:
    async with running(tmp_path, [asyncio.Event()]) as server:
        async with connected(server.front, AsgiSocket("/")) as socket:
            for message in said:
                socket.say(message)
            await settle()
        assert server.stream.closed


async def test_silence_ends_the_stream_but_loses_nothing_that_was_said(tmp_path: Path) -> None:
    steps = [1_000, Partial(spoken("one")), 5_000, Final(spoken("one two"))]
    async with running(tmp_path, steps, silence_s=0.05) as server, connected(server.front, AsgiSocket("/")) as socket:
        await socket.next()
        await text(socket)
        socket.say(SECOND)
        assert await text(socket) == "one"
        assert await text(socket) == "one two ."
        assert await text(socket) == "error incomplete_upload"
        assert await socket.closed() == 1008


async def test_messages_without_audio_do_not_break_the_silence(tmp_path: Path) -> None:
    async with running(tmp_path, silence_s=0.05) as server, connected(server.front, AsgiSocket("/")) as socket:
        async with asyncio.timeout(5):
            while not server.pool.streams or not server.stream.finished:
                socket.say("like this")
                await asyncio.sleep(0.01)


async def test_a_client_that_has_ended_its_audio_is_not_silent(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with running(tmp_path, [gate], silence_s=0.02) as server, connected(server.front, AsgiSocket("/")) as socket:
        socket.say("end")
        await asyncio.sleep(0.06)
        gate.set()
        assert [(await socket.next())["type"] for _ in range(4)] == [
            "websocket.accept",
            "websocket.send",
            "websocket.send",
            "websocket.close",
        ]
        assert socket.sent[-1]["code"] == 1000


@pytest.mark.parametrize(
    ("path", "key", "said", "code", "close"),
    [
        ("/?wrong=1", "secret", [], "invalid_request", 1008),
        ("/", "", [], "access_denied", 1008),
        ("/", "other", [], "access_denied", 1008),
        ("/", "secret", ["nonsense"], "invalid_request", 1008),
        ("/", "secret", [SECOND, "like this"], "invalid_request", 1008),
        ("/", "secret", ["crash"], "internal_error", 1011),
    ],
)
async def test_what_the_client_does_wrong_is_said_in_the_vendors_words(
    tmp_path: Path, path: str, key: str, said: list[str | bytes], code: str, close: int
) -> None:
    socket = AsgiSocket(path, {"x-api-key": key})
    async with running(tmp_path, keys={"alice": "secret"}) as server, connected(server.front, socket):
        for message in said:
            socket.say(message)
        assert (await socket.next())["type"] == "websocket.accept"
        if server.pool.streams:
            assert await text(socket) == "hello"
        assert await text(socket) == f"error {code}"
        assert await socket.closed() == close
        assert socket.sent[-1]["reason"] == code


@pytest.mark.parametrize(("error", "close"), [(InternalError(), 1011), (QuotaExceeded(), 1008)])
async def test_what_ends_the_recognition_is_said_after_what_was_recognised(
    tmp_path: Path, error: DragomanError, close: int
) -> None:
    steps = [1_000, Final(spoken("one")), error]
    async with running(tmp_path, steps) as server, connected(server.front, AsgiSocket("/")) as socket:
        await socket.next()
        await text(socket)
        socket.say(SECOND)
        assert await text(socket) == "one"
        assert await text(socket) == f"error {error.code}"
        assert await socket.closed() == close


async def test_without_a_free_instance_the_client_may_try_again(tmp_path: Path) -> None:
    async with running(tmp_path) as server, AsyncExitStack() as clients:
        for _ in range(server.pool.stream_capacity):
            socket = await clients.enter_async_context(connected(server.front, AsgiSocket("/")))
            await socket.next()
            assert await text(socket) == "hello"
        refused = await clients.enter_async_context(connected(server.front, AsgiSocket("/")))
        await refused.next()
        assert await text(refused) == "error no_free_instance"
        assert await refused.closed() == 1013


async def test_a_server_that_stops_ends_its_streams_in_good_order(tmp_path: Path) -> None:
    steps = [1_000, Partial(spoken("one")), 5_000, Final(spoken("one two"))]
    async with running(tmp_path, steps) as server, connected(server.front, AsgiSocket("/")) as socket:
        await socket.next()
        await text(socket)
        socket.say(SECOND)
        assert await text(socket) == "one"
        server.recognition.drain()
        drained = asyncio.create_task(server.recognition.drained())
        assert await text(socket) == "one two ."
        assert await socket.closed() == 1001
        await drained


async def test_a_server_that_stops_at_once_still_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        socket = AsgiSocket("/")
        serving = asyncio.create_task(server.front(socket.scope, socket.receive, socket.send))
        await socket.next()
        await text(socket)
        serving.cancel()
        assert await text(socket) == "error unavailable"
        assert await socket.closed() == 1013
        await serving


async def test_the_access_log_has_a_line_for_a_connection(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path, keys={"alice": "secret"}) as server:
        socket = AsgiSocket("/live?token=private", {"x-api-key": "secret"})
        with caplog.at_level(logging.INFO):
            async with connected(server.front, socket):
                accepted = await socket.next()
                socket.say(SECOND)
                socket.say("end")
                while (await socket.next())["type"] != "websocket.close":
                    pass
    (record,) = [record for record in caplog.records if record.name == "dragoman.access"]
    facts = record.__dict__["facts"]
    assert {name: facts[name] for name in ("method", "path", "status", "closed", "bytes_in", "key")} == {
        "method": "WEBSOCKET",
        "path": "/live",
        "status": 101,
        "closed": 1000,
        "bytes_in": len(SECOND) + len("end"),
        "key": "alice",
    }
    assert "private" not in str(facts)
    assert dict(accepted["headers"])[b"x-request-id"].startswith(b"req_")


async def test_a_socket_that_is_refused_gets_a_reply(tmp_path: Path) -> None:
    async def app(*_: object) -> None:
        raise InvalidRequest

    socket = AsgiSocket("/")
    await Front(app, lambda path: vendor, stall_timeout_s=1)(socket.scope, socket.receive, socket.send)
    start, body = socket.sent
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 418)
    assert {b"content-type", b"x-request-id"} <= set(dict(start["headers"]))
    assert body == {"type": "websocket.http.response.body", "body": b'{"vendor":"invalid_request"}\n'}
