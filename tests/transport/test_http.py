"""The front of the server, and work for clients that may leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator

import pytest
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dragoman.core.errors import (
    AccessDenied,
    Cancelled,
    DragomanError,
    InvalidRequest,
    NoFreeInstance,
    PayloadTooLarge,
)
from dragoman.service.auth import Authenticator
from dragoman.transport.base import Reply, json_reply
from dragoman.transport.http import (
    REQUEST_ID,
    Front,
    add_reply_headers,
    identify,
    run_while_connected,
    send_events,
    take_request_id,
)

pytestmark = pytest.mark.unit

GOODBYE: Message = {"type": "http.disconnect"}


class Client:
    """Both ends of an ASGI exchange, played by hand."""

    def __init__(self, *body: bytes, headers: dict[str, str] | None = None, path: str = "/vendor/x") -> None:
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        for chunk in body:
            self.incoming.put_nowait({"type": "http.request", "body": chunk, "more_body": True})
        self.sent: list[Message] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"token=secret",
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
            "client": ("192.0.2.1", 1),
        }

    def end_body(self) -> None:
        self.incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    def leave(self) -> None:
        self.incoming.put_nowait(GOODBYE)

    async def receive(self) -> Message:
        return await self.incoming.get()

    async def send(self, message: Message) -> None:
        await self.reading.wait()
        self.sent.append(message)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


def vendor(error: DragomanError) -> Reply:
    return json_reply({"vendor": error.code}, 503 if error.retryable else 418)


def front(app: ASGIApp, *, stall_timeout_s: float = 5) -> Front:
    return Front(app, lambda path: vendor, stall_timeout_s=stall_timeout_s)


def raising(error: BaseException) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return app


async def serve(client: Client, app: ASGIApp) -> None:
    await front(app)(client.scope, client.receive, client.send)


async def test_work_gives_its_result() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 42

    assert await run_while_connected(Client().receive, work()) == 42


async def test_an_error_of_the_work_comes_through() -> None:
    async def work() -> None:
        raise InvalidRequest("no")

    with pytest.raises(InvalidRequest, match="no"):
        await run_while_connected(Client().receive, work())


async def test_work_ends_when_its_client_leaves() -> None:
    cleaned_up = asyncio.Event()
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cleaned_up.set()

    client = Client()
    running = asyncio.create_task(run_while_connected(client.receive, work()))
    await started.wait()
    client.leave()
    with pytest.raises(Cancelled):
        await running
    assert cleaned_up.is_set()


async def test_work_ends_when_the_request_is_cancelled() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    running = asyncio.create_task(run_while_connected(Client().receive, work()))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()


async def test_every_error_is_said_by_the_dialect() -> None:
    client = Client()
    await serve(client, raising(AccessDenied()))
    assert (client.status, client.body) == (418, b'{"vendor":"access_denied"}\n')


async def test_an_unexpected_exception_is_logged_and_said_as_an_internal_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client()
    await serve(client, raising(ZeroDivisionError("details")))
    assert (client.status, client.body) == (503, b'{"vendor":"internal_error"}\n')
    assert "ZeroDivisionError" in caplog.text


async def test_a_refusal_for_now_says_when_to_come_back() -> None:
    client = Client()
    await serve(client, raising(NoFreeInstance()))
    assert int(client.headers["retry-after"]) > 0


async def test_a_request_that_is_cancelled_by_the_server_is_told() -> None:
    client = Client()
    await serve(client, raising(asyncio.CancelledError()))
    assert (client.status, client.body) == (503, b'{"vendor":"unavailable"}\n')


async def test_nobody_is_told_that_nobody_is_there(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    with caplog.at_level(logging.INFO):
        await serve(client, raising(Cancelled()))
    assert client.sent == []
    assert caplog.records[-1].__dict__["facts"]["status"] == 499


async def test_an_exception_after_the_reply_has_begun_does_not_begin_another() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    client = Client()
    await serve(client, app)
    assert [message["type"] for message in client.sent] == ["http.response.start"]


async def test_every_request_has_an_id_that_its_logs_and_its_reply_share() -> None:
    ids = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        ids.append(REQUEST_ID.get())
        await Reply(200, b"").send(send)

    clients = [Client(), Client()]
    for client in clients:
        await serve(client, app)
    assert [client.headers["x-request-id"] for client in clients] == ids
    assert len(set(ids)) == 2


@pytest.mark.parametrize("error", [None, NoFreeInstance()])
async def test_an_id_and_headers_that_are_given_reach_every_reply_and_the_log(
    error: DragomanError | None, caplog: pytest.LogCaptureFixture
) -> None:
    logged = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        take_request_id(request, "call-7")
        add_reply_headers(request, {"X-Correlation-ID": "day-1"})
        if error is not None:
            raise error
        await Reply(200, b"").send(send)

    class Ids(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            logged.append(REQUEST_ID.get())
            return True

    client, ids = Client(), Ids()
    caplog.handler.addFilter(ids)
    with caplog.at_level(logging.INFO):
        await serve(client, app)
    caplog.handler.removeFilter(ids)
    names = [name for name, _ in client.sent[0]["headers"]]
    assert names.count(b"x-request-id") == 1
    assert (client.headers["x-request-id"], client.headers["x-correlation-id"]) == ("call-7", "day-1")
    assert set(logged) == {"call-7"}
    assert REQUEST_ID.get() == ""


async def test_the_access_log_tells_neither_query_nor_body(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        await Reply(200, b"spoken words").send(send)

    client = Client(b"private audio", headers={"content-length": "13"})
    client.end_body()
    with caplog.at_level(logging.INFO):
        await serve(client, app)
    (record,) = [record for record in caplog.records if record.name == "dragoman.access"]
    facts = record.__dict__["facts"]
    assert (facts["method"], facts["path"], facts["status"], facts["bytes_in"]) == ("POST", "/vendor/x", 200, 13)
    for private in ("secret", "token", "private", "spoken"):
        assert private not in str(facts) + record.getMessage()


async def test_an_early_reply_is_complete_before_the_rest_of_the_body_is_thrown_away() -> None:
    client = Client(b"first", headers={"content-length": "1000"})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise PayloadTooLarge

    serving = asyncio.create_task(serve(client, app))
    for _ in range(10):
        await asyncio.sleep(0)
    assert client.headers["connection"] == "close"
    assert client.body == b'{"vendor":"payload_too_large"}\n'
    assert not serving.done()
    for _ in range(3):
        client.incoming.put_nowait({"type": "http.request", "body": bytes(100), "more_body": True})
    client.end_body()
    await serving
    assert not client.sent[-1].get("more_body", False)
    assert client.incoming.empty()


async def test_a_client_that_waits_for_leave_to_send_is_not_waited_for() -> None:
    client = Client(headers={"content-length": "1000", "expect": "100-continue"})
    await serve(client, raising(PayloadTooLarge()))
    assert client.headers["connection"] == "close"


async def test_a_connection_whose_body_was_read_stays_open() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        raise InvalidRequest

    client = Client(b"all", headers={"transfer-encoding": "chunked"})
    client.end_body()
    await serve(client, app)
    assert "connection" not in client.headers


async def test_a_client_that_does_not_read_is_taken_to_have_left() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Reply(200, b"never read").send(send)

    client = Client()
    client.reading.clear()
    await front(app, stall_timeout_s=0.01)(client.scope, client.receive, client.send)
    assert client.sent == []


async def test_events_wait_for_a_slow_reader_and_are_closed_with_it() -> None:
    made: list[int] = []
    closed = asyncio.Event()

    async def events() -> AsyncGenerator[bytes, None]:
        try:
            for number in range(100):
                made.append(number)
                yield b"%d" % number
        finally:
            closed.set()

    client = Client()
    client.reading.clear()
    sending = asyncio.create_task(run_while_connected(client.receive, send_events(client.send, events())))
    for _ in range(20):
        await asyncio.sleep(0)
    assert made == [0]
    client.leave()
    with pytest.raises(Cancelled):
        await sending
    assert closed.is_set()


async def test_events_have_the_form_of_server_sent_events() -> None:
    async def events() -> AsyncGenerator[bytes, None]:
        yield b'{"a":1}'
        yield b'{"b":2}'

    client = Client()
    await send_events(client.send, events())
    assert client.headers["content-type"].startswith("text/event-stream")
    assert client.body == b'data: {"a":1}\n\ndata: {"b":2}\n\n'


async def test_an_error_before_the_first_event_is_an_ordinary_reply() -> None:
    async def events() -> AsyncGenerator[bytes, None]:
        raise InvalidRequest
        yield b""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send_events(send, events())

    client = Client()
    await serve(client, app)
    assert client.status == 418


@pytest.mark.parametrize(
    "headers",
    [{"authorization": "Bearer the-secret"}, {"authorization": "bearer  the-secret "}, {"x-api-key": "the-secret"}],
)
def test_a_key_travels_as_bearer_or_api_key(headers: dict[str, str]) -> None:
    authenticator = Authenticator({"alice": "the-secret"})
    assert identify(Request(Client(headers=headers).scope), authenticator).key_id == "alice"


def test_what_comes_first_decides() -> None:
    authenticator = Authenticator({"alice": "the-secret"})
    wrong = Request(Client(headers={"authorization": "Bearer wrong", "x-api-key": "the-secret"}).scope)
    with pytest.raises(AccessDenied):
        identify(wrong, authenticator, "the-secret")
    other_scheme = Request(Client(headers={"authorization": "Basic dGhlOnNlY3JldA=="}).scope)
    assert identify(other_scheme, authenticator, None, "the-secret").key_id == "alice"
